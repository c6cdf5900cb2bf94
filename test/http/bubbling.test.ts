import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Client, type ErrorBody, errorAnswer, errorBody, HTTPError, Request, Response } from '../../src/http/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { Answer, failure, type Served, type ServeOptions, serve } from './servers.ts';

expectNoLeaks();

const login = { login: 'root', key: 'toor' };

function open(host: string): Client {
  const client = new Client(host, login);
  onTestFinished(() => client.close());
  return client;
}

/** `front` asks `middle`, that asks `back`, that answers as told. */
async function threeServers(atTheEnd: () => unknown, options: ServeOptions = {}): Promise<{ front: Served; middle: Served; back: Served }> {
  const back = await serve(function captains() {
    return atTheEnd();
  }, options);
  const middleClient = open(back.host);
  const middle = await serve(async function ships() {
    return (await middleClient.request('GET', '/captains')).body;
  }, options);
  const frontClient = open(middle.host);
  const front = await serve(async function fleet() {
    return (await frontClient.request('POST', '/ships', { body: { size: 1 } })).body;
  }, options);
  return { front, middle, back };
}

it('what the last of three servers answers reaches the caller of the first', async () => {
  const { front } = await threeServers(() => ['picard']);
  expect((await open(front.host).request('GET', '/fleet')).body).toEqual(['picard']);
});

it('an error that no handler catches bubbles through three servers, each with its call and the answer that it got', async () => {
  const { front, middle, back } = await threeServers(() => {
    throw new TypeError('no captain');
  });
  const error = await failure(open(front.host).request('GET', '/fleet'));
  expect(error).toBeInstanceOf(HTTPError);
  expect(error).toMatchObject({ status: 500, code: 'ERR_HTTP', remoteCall: `GET ${front.host}/fleet` });
  const told = '"500 INTERNAL SERVER ERROR" no captain';
  expect(error.remoteError).toEqual({
    request: { method: 'GET', path: '/fleet' },
    error_class: 'HTTPError',
    error_code: 'ERR_HTTP',
    error_text: `"500 INTERNAL SERVER ERROR" ${told}`,
    remote_call: `POST ${middle.host}/ships`,
    remote_error: {
      request: { method: 'POST', path: '/ships' },
      error_class: 'HTTPError',
      error_code: 'ERR_HTTP',
      error_text: told,
      remote_call: `GET ${back.host}/captains`,
      remote_error: { request: { method: 'GET', path: '/captains' }, error_class: 'TypeError', error_text: 'no captain' },
    },
  });
});

it('an answer that is a text stands in the error as a text, with its status, at the bottom of the nest too', async () => {
  const text = '"404 NOT FOUND" `10` not found';
  const { front, middle } = await threeServers(() => new Answer(404, '`10` not found', { 'content-type': 'text/plain' }));
  const near = await failure(open(middle.host).request('GET', '/'));
  expect((near.remoteError as ErrorBody).remote_error).toBe(text);
  const far = await failure(open(front.host).request('GET', '/'));
  expect(((far.remoteError as ErrorBody).remote_error as ErrorBody).remote_error).toBe(text);
  expect(String(new HTTPError(partsOf(404, 'Not Found', '`10` not found')))).toBe(text);
});

function partsOf(status: number, reason: string, body: unknown): { request: Request; response: Response } {
  const request = new Request('GET', 'server.napix.nx', '/captains');
  return { request, response: new Response(request, status, reason, {}, body) };
}

it('a server that is not there is told as the error of the one that asked it', async () => {
  const nobody = createServer();
  await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
  const { port } = nobody.address() as AddressInfo;
  await new Promise((resolve) => nobody.close(resolve));
  const gone = open(`127.0.0.1:${port}`);
  const server = await serve(async () => (await gone.request('GET', '/x')).body);
  const error = await failure(open(server.host).request('GET', '/'));
  expect(error.remoteError).toMatchObject({
    error_code: 'ERR_CONNECTION_CLOSED',
    remote_call: `GET 127.0.0.1:${port}/x`,
    remote_error: expect.stringContaining('nobody listens'),
  });
});

it('places in the code are told only by servers that are told to, of all servers behind them or of none', async () => {
  const end = (): never => {
    throw new Error('no captain');
  };
  const open500 = async (options: ServeOptions): Promise<ErrorBody> =>
    (await failure(open((await threeServers(end, options)).front.host).request('GET', '/'))).remoteError as ErrorBody;
  expect(JSON.stringify(await open500({}))).not.toMatch(/traceback|filename|bubbling\.test/);
  let error: ErrorBody | undefined = await open500({ showStack: true });
  for (const handler of ['fleet', 'ships', 'captains']) {
    const names = error?.traceback?.map((frame) => frame.in) ?? [];
    expect(names.join(), handler).toContain(handler);
    expect(error).toMatchObject({ filename: expect.stringContaining('bubbling.test.ts'), line: expect.any(Number) });
    error = error?.remote_error as ErrorBody | undefined;
  }
  // A server that shows nothing hides what the one behind it shows.
  const shows = open((await serve(end, { showStack: true })).host);
  const hides = await serve(async () => (await shows.request('GET', '/')).body);
  expect(JSON.stringify((await failure(open(hides.host).request('GET', '/'))).remoteError)).not.toMatch(/traceback|filename/);
});

it('a trace is cut to the frames of the user, outermost first; where none is the user’s it is whole', () => {
  const error = new Error('x');
  const own = new URL('../../src/http/caller.ts', import.meta.url).href;
  const framework = [
    `    at Caller.send (${own}:10:5)`,
    '    at node:internal/process/task_queues:95:5',
    '    at /app/node_modules/hono/dist/hono.js:7:1',
  ];
  const users = ['    at async inner (file:///app/routes.js:20:3)', '    at Router.outer (/app/routes.js:5:1)'];
  error.stack = ['Error: x', framework[0], users[0], framework[1], users[1], framework[2]].join('\n');
  const body = errorBody(error, { method: 'GET', path: '/' }, { showStack: true });
  expect(body.traceback).toEqual([
    { filename: '/app/routes.js', line: 5, in: 'Router.outer', call: 'at Router.outer (/app/routes.js:5:1)' },
    { filename: '/app/routes.js', line: 20, in: 'inner', call: 'at async inner (file:///app/routes.js:20:3)' },
  ]);
  expect(body).toMatchObject({ filename: '/app/routes.js', line: 20 });
  error.stack = ['Error: x', ...framework].join('\n');
  expect(errorBody(error, { method: 'GET', path: '/' }, { showStack: true }).traceback).toHaveLength(3);
});

it('the error of another server is told too when it is the cause of the one that was thrown', () => {
  const remote = new HTTPError(partsOf(404, 'Not Found', 'no captain'));
  const body = errorBody(new Error('cannot sail', { cause: remote }), { method: 'GET', path: '/' });
  expect(body).toMatchObject({
    error_text: 'cannot sail',
    remote_call: 'GET server.napix.nx/captains',
    remote_error: '"404 NOT FOUND" no captain',
  });
});

it('whatever is thrown becomes an answer: what is no error, and what JSON cannot say as a text', () => {
  const request = { method: 'GET', path: '/' };
  for (const thrown of ['text', undefined, null, 7, Symbol('x'), { a: 1 }])
    expect(JSON.parse(errorAnswer(thrown, request).body)).toMatchObject({ error_text: String(thrown), request });
  const remote = new HTTPError(partsOf(500, 'Internal Server Error', { cycle: 1n }));
  const unsayable = errorAnswer(remote, request);
  expect(unsayable).toMatchObject({ status: 500, headers: { 'content-type': 'text/plain; charset=utf-8' } });
  expect(unsayable.body).toMatch(/^Cannot encode the error: /);
  expect(errorAnswer(Object.create(null), request).body).toMatch(/^Cannot encode the error: /);
});

it('a nest of a hundred thousand errors from a hostile server is answered, not a crash', () => {
  let nest: unknown = 'end';
  for (let depth = 0; depth < 100_000; depth += 1) nest = { remote_error: nest };
  expect(errorAnswer(new HTTPError(partsOf(500, 'Error', nest)), { method: 'GET', path: '/' }).status).toBe(500);
});

it('stacks that other servers tell in shapes of their own are not handed on either, in no part of the error', () => {
  const frames = 'Error: x\n    at /srv/secret/app.js:1:1';
  for (const body of [
    [{ stack: frames }],
    { error: { stack: frames } },
    { remote_error: [{ traceback: [frames] }] },
    { errors: [{ extensions: { stacktrace: [frames] } }] },
  ]) {
    const error = new HTTPError(partsOf(500, 'Internal Server Error', body));
    expect(JSON.stringify(error.remoteError)).toContain('secret');
    expect(errorAnswer(error, { method: 'GET', path: '/' }).body).not.toContain('secret');
  }
});

it('of several servers that all failed the first one is told', () => {
  const remote = new HTTPError(partsOf(404, 'Not Found', 'no captain'));
  const all = new AggregateError([new Error('mine'), remote], 'nobody had it');
  expect(errorBody(all, { method: 'GET', path: '/' })).toMatchObject({ error_text: 'nobody had it', remote_call: remote.remoteCall });
});
