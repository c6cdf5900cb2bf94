import { inspect } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { Client, type HttpClientOptions, type LoginKey, Response, TokenIdentifier } from '../../src/http/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { Answer, failure, serve, serveSockets } from './servers.ts';

expectNoLeaks();

function open(host: string, authenticator: ConstructorParameters<typeof Client>[1] = null, options?: HttpClientOptions): Client {
  const client = new Client(host, authenticator, options);
  onTestFinished(() => client.close());
  return client;
}

it('a request with a token gives a response whose body is decoded', async () => {
  const server = await serve(() => ['/abc', '/captain']);
  const client = open(server.host, new TokenIdentifier('de72457df438272d8d05a0823289084811813c07'));
  const response = await client.request('GET', '/');
  expect(response).toBeInstanceOf(Response);
  expect(response.body).toEqual(['/abc', '/captain']);
  expect(inspect(response)).toBe('<Response 200 OK>');
  expect([response.status, response.reason, response.header('Content-Type')]).toEqual([200, 'OK', 'application/json']);
  expect(response.request).toMatchObject({ method: 'GET', path: '/', host: server.host });
  expect(server.heard[0]?.headers.authorization).toBe('Bearer de72457df438272d8d05a0823289084811813c07');
});

it('a token and a key stand neither in what is shown of a client nor in what is shown of its responses and errors', async () => {
  const server = await serve(({ path }) => (path === '/' ? 1 : new Answer(404)));
  for (const authenticator of [new TokenIdentifier('secret-word-of-mine'), { login: 'root', key: 'secret-word-of-mine' }]) {
    const client = open(server.host, authenticator);
    const error = await failure(client.request('GET', '/x'));
    const shown = inspect([client, await client.request('GET', '/'), error, error.request], { depth: 10, showHidden: true });
    expect(shown).not.toContain('secret-word');
    expect(JSON.stringify([client, error])).not.toContain('secret-word');
  }
});

it('any function, also one that waits, is an authenticator; it sees the request as it is sent, and what it gives is set', async () => {
  const server = await serve(() => null);
  const seen: unknown[] = [];
  const client = open(server.url, async (request) => {
    await Promise.resolve();
    seen.push({ ...request, body: request.body === null ? null : Buffer.from(request.body).toString() });
    return { authorization: 'mine', 'x-time': '7' };
  });
  await client.request('POST', '/a b', { body: { size: 1 }, query: { x: [1, 2], y: undefined } });
  expect(seen).toMatchObject([{ method: 'POST', host: server.host, path: '/a%20b?x=1&x=2', body: '{"size":1}' }]);
  expect(server.heard[0]?.headers).toMatchObject({ authorization: 'mine', 'x-time': '7', 'content-type': 'application/json' });
  const broken = open(server.url, () => {
    throw new Error('no ticket');
  });
  expect(await failure(broken.request('GET', '/'))).toMatchObject({ status: 0, message: expect.stringContaining('no ticket') });
  expect(server.heard).toHaveLength(1);
});

it.each([
  ['a text', 'login:pass'],
  ['an empty object', {}],
  ['nothing', undefined],
  ['an empty key', { login: 'root', key: '' }],
])('%s is no authenticator', (_name, authenticator) => {
  expect(() => new Client('localhost', authenticator as unknown as LoginKey)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
});

it('an unknown part of an authenticator, of a client and of a request names the nearest known one', async () => {
  const unknown = (name: string): unknown =>
    expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION', message: expect.stringContaining(`Did you mean '${name}'?`) });
  expect(() => new Client('localhost', { login: 'a', key: 'b', keys: 'c' } as LoginKey)).toThrow(unknown('key') as Error);
  expect(() => new Client('localhost', null, { timeOut: 5 } as HttpClientOptions)).toThrow(unknown('timeout') as Error);
  await expect(open('localhost').request('GET', '/', { header: {} } as object)).rejects.toEqual(unknown('headers'));
});

it.each([
  ['a path without its slash', 'GET', 'x', {}],
  ['a whole URL as path', 'GET', 'http://elsewhere/', {}],
  ['a line end in the path', 'GET', '/a\r\nhost: b', {}],
  ['a fragment', 'GET', '/a#b', {}],
  ['half a character', 'GET', '/\ud800', {}],
  ['a method that is none', 'GE T', '/', {}],
  ['CONNECT', 'CONNECT', '/', {}],
  ['a line end in a header', 'GET', '/', { headers: { a: 'b\r\nc: d' } }],
  ['a name of a header that is none', 'GET', '/', { headers: { 'a:b': '1' } }],
  ["the connection's own header", 'GET', '/', { headers: { Host: 'elsewhere' } }],
  ['a body that JSON cannot say', 'POST', '/', { body: 1n }],
  ['a function as body', 'POST', '/', { body: () => 1 }],
  ['a body of a GET', 'GET', '/', { body: {} }],
])('%s is refused before anything is sent', async (_name, method, path, options) => {
  const server = await serve(() => null);
  await expect(open(server.url).request(method, path, options)).rejects.toMatchObject({ code: 'ERR_OPTION' });
  expect(server.connections).toBe(0);
});

it('a body is JSON, or the bytes and the text that it is; the answer is decoded by what it says to be', async () => {
  const server = await serve(({ body, headers }) => new Answer(200, body, { 'content-type': headers['content-type'] ?? '' }));
  const client = open(server.url);
  const echo = async (body: unknown, type?: string): Promise<unknown> =>
    (await client.request('POST', '/', { body, ...(type === undefined ? {} : { headers: { 'Content-Type': type } }) })).body;
  expect(await echo({ a: ['ü', null] })).toEqual({ a: ['ü', null] });
  expect(await echo('text')).toBe('text');
  expect(server.heard.at(-1)?.body.toString()).toBe('"text"');
  expect(await echo('a,b', 'text/csv')).toBe('a,b');
  expect(await echo(new Uint8Array([1, 255]))).toEqual(Buffer.from([1, 255]));
  expect(await echo(Buffer.from([0xe9]), 'text/plain; charset=latin1')).toBe('é');
  expect((await open((await serve(() => new Answer(204))).url).request('GET', '/')).body).toBeNull();
});

it('an answer that says it is JSON and is none is an error, as is one that is compressed unasked', async () => {
  const wrong = await serve(() => new Answer(200, '{', { 'content-type': 'application/json' }));
  expect(await failure(open(wrong.url).request('GET', '/'))).toMatchObject({ code: 'ERR_HTTP', status: 200 });
  const packed = await serve(() => new Answer(200, 'xyz', { 'content-encoding': 'gzip' }));
  expect(await failure(open(packed.url).request('GET', '/'))).toMatchObject({ code: 'ERR_HTTP' });
  expect(packed.heard[0]?.headers['accept-encoding']).toBe('identity');
  const empty = await serve(() => new Answer(200, '[1]', { 'content-type': 'application/json', 'content-encoding': '' }));
  expect((await open(empty.url).request('GET', '/')).body).toEqual([1]);
});

it('an authenticator may have nothing to say', async () => {
  const server = await serve(() => 'there');
  for (const nothing of [null, undefined]) expect((await open(server.url, () => nothing).request('GET', '/')).body).toBe('there');
});

it('an answer that nothing was modified has no body, whatever length it tells', async () => {
  const url = await serveSockets((socket) => void socket.write('HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\netag: "x"\r\n\r\n'));
  const response = await open(url).request('GET', '/', { headers: { 'if-none-match': '"x"' } });
  expect([response.status, response.body, response.header('etag')]).toEqual([304, null, '"x"']);
});

it('fields of an answer are its own, whatever they are called', async () => {
  const url = await serveSockets((socket) => socket.end('HTTP/1.1 200 OK\r\n__proto__: a\r\n__proto__: b\r\ncontent-length: 0\r\n\r\n'));
  const { headers } = await open(url).request('GET', '/');
  expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
});

it('connections are kept for the next request', async () => {
  const server = await serve(() => null);
  const client = open(server.url);
  for (let n = 0; n < 20; n += 1) await client.request('GET', '/');
  expect(server.connections).toBeLessThanOrEqual(2);
});

it('a closed client takes no more requests', async () => {
  const client = open((await serve(() => null)).url);
  await client.close();
  await client.close();
  await expect(client.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_ENDED' });
});

it('idempotent requests are made again as often as told, each signed anew; others never', async () => {
  let failures = 2;
  const server = await serve(() => {
    failures -= 1;
    return failures >= 0 ? new Answer(503, '', { 'retry-after': '0' }) : 'there';
  });
  const client = open(server.url, { login: 'root', key: 'toor' }, { retries: 2 });
  expect((await client.request('GET', '/')).body).toBe('there');
  expect(new Set(server.heard.map(({ headers }) => headers.authorization)).size).toBe(3);
  failures = 1;
  expect(await failure(client.request('POST', '/'))).toMatchObject({ status: 503 });
  failures = 1;
  expect(await failure(client.request('GET', '/', { retries: 0 }))).toMatchObject({ status: 503 });
  failures = 1;
  expect(await failure(open(server.url).request('PUT', '/'))).toMatchObject({ status: 503 });
});

it('an error that repeating cannot mend is not repeated', async () => {
  const server = await serve(() => new Answer(404));
  expect(await failure(open(server.url, null, { retries: 3 }).request('GET', '/'))).toMatchObject({ status: 404 });
  expect(server.heard).toHaveLength(1);
});

it('a GET follows redirects on its own server, signed anew for each path', async () => {
  const server = await serve(({ path }) => (path === '/to?x=1' ? 'here' : new Answer(302, '', { location: 'to?x=1' })));
  const response = await open(server.url, { login: 'root', key: 'toor' }).request('GET', '/from');
  expect([response.body, response.request.path]).toEqual(['here', '/to?x=1']);
  expect(server.heard[1]?.headers.authorization).toContain('path=%2Fto%3Fx%3D1');
});

it.each([
  'http://127.0.0.1:PORT/',
  '//localhost:PORT/',
  'https://127.0.0.1:PORT/',
  'http://user@127.0.0.1:PORT/',
  'file:///etc/passwd',
  'http://[',
])('a redirect to elsewhere (%s) is not followed, and tells nobody there anything', async (place) => {
  const elsewhere = await serve(() => null);
  const location = place.replace('PORT', String(elsewhere.port));
  const server = await serve(() => new Answer(302, '', { location }));
  const error = await failure(open(server.url, { login: 'root', key: 'toor' }).request('GET', '/'));
  expect(error).toMatchObject({ code: 'ERR_HTTP', status: 302, message: expect.stringContaining('not followed') });
  expect(elsewhere.connections).toBe(0);
});

it('redirects in a circle end, those of a POST are not followed but told, and See Other after it is its answer', async () => {
  const server = await serve(({ path }) => new Answer(path === '/done' ? 303 : 307, '', { location: '/again' }));
  const client = open(server.url, null, { redirects: 3 });
  expect(await failure(client.request('GET', '/'))).toMatchObject({ status: 307 });
  expect(server.heard).toHaveLength(4);
  expect(await failure(client.request('POST', '/', { body: 1 }))).toMatchObject({ status: 307 });
  expect(await client.request('POST', '/done')).toMatchObject({ status: 303, headers: { location: '/again' } });
});

it('an abort ends a request at once, before and while it runs', async () => {
  const server = await serve(() => new Promise(() => {}));
  const client = open(server.url);
  await expect(client.request('GET', '/', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_ABORTED', status: 0 });
  expect(server.heard).toHaveLength(0);
  const controller = new AbortController();
  const request = failure(client.request('GET', '/', { signal: controller.signal }));
  await until(() => server.heard.length === 1);
  controller.abort(new Error('enough'));
  expect(await request).toMatchObject({ code: 'ERR_ABORTED', cause: { cause: { message: 'enough' } } });
});
