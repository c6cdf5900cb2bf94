import { expect, it, onTestFinished } from 'vitest';
import { Client, type HttpClientOptions } from '../../src/http/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { Answer, failure, serve, serveSockets } from './servers.ts';

expectNoLeaks();

function open(host: string, options?: HttpClientOptions): Client {
  const client = new Client(host, null, options);
  onTestFinished(() => client.close());
  return client;
}

const ok = 'HTTP/1.1 200 OK\r\n';

it.each([
  ['nothing', ''],
  ['half a status line', 'HTTP/1.1 2'],
  ['half of its headers', `${ok}content-type: application/json\r\n`],
  ['half of its body', `${ok}content-length: 100\r\n\r\nhalf`],
  ['half of a chunk', `${ok}transfer-encoding: chunked\r\n\r\nff\r\nhalf`],
])('a peer that says %s and hangs costs its time-out; one that closes then is told at once', async (_name, said) => {
  const hangs = await serveSockets((socket) => void socket.write(said));
  expect(await failure(open(hangs, { timeout: '200ms' }).request('GET', '/'))).toMatchObject({ code: 'ERR_TIMEOUT', status: 0 });
  const closes = await serveSockets((socket) => void socket.end(said));
  expect(await failure(open(closes).request('GET', '/'))).toMatchObject({
    code: expect.stringMatching(/^ERR_(?:CONNECTION_CLOSED|PROTOCOL)$/),
    status: 0,
  });
  const resets = await serveSockets((socket) => void socket.write(said, () => socket.resetAndDestroy()));
  expect(await failure(open(resets).request('GET', '/'))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED', status: 0 });
});

it.each([
  ['a greeting of another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ['random bytes', Buffer.from([0, 255, 22, 3, 1, 2, 0])],
  ['a status that is none', 'HTTP/1.1 abc OK\r\n\r\n'],
  ['a length that is none', `${ok}content-length: -5\r\n\r\n`],
  ['two lengths', `${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef`],
  ['a flood of headers', `${ok}${'x-a: b\r\n'.repeat(10_000)}\r\n`],
  ['a giant header', `${ok}x-a: ${'b'.repeat(60_000)}\r\n\r\n`],
])('a peer that answers with %s is an error of its protocol', async (_name, said) => {
  const url = await serveSockets((socket) => void socket.write(said));
  expect(await failure(open(url, { timeout: '5s' }).request('GET', '/'))).toMatchObject({ code: 'ERR_PROTOCOL', status: 0 });
});

it('a body that never ends is read up to bodyLimit, and its connection closed', async () => {
  let closed = false;
  const url = await serveSockets((socket) => {
    socket.write(`${ok}content-type: text/plain\r\n\r\n`);
    const more = (): void => {
      while (!socket.destroyed && socket.write('x'.repeat(65_536)));
    };
    socket.on('drain', more);
    socket.once('close', () => {
      closed = true;
    });
    more();
  });
  const error = await failure(open(url, { bodyLimit: '1MB' }).request('GET', '/'));
  expect(error).toMatchObject({ code: 'ERR_HTTP', status: 200, message: expect.stringContaining('bodyLimit') });
  await expect.poll(() => closed).toBe(true);
});

it('a body of just bodyLimit bytes is read', async () => {
  const server = await serve(() => new Answer(200, 'x'.repeat(1_000), { 'content-type': 'text/plain' }));
  expect((await open(server.url, { bodyLimit: 1_000 }).request('GET', '/')).body).toHaveLength(1_000);
  expect(await failure(open(server.url, { bodyLimit: 999 }).request('GET', '/'))).toMatchObject({ code: 'ERR_HTTP' });
});

it('a nest of a hundred thousand brackets is an error or a value, never a crash', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const server = await serve(({ path }) => new Answer(path === '/' ? 200 : 500, deep, { 'content-type': 'application/json' }));
  const client = open(server.url);
  await client.request('GET', '/').catch(() => null);
  expect(await failure(client.request('GET', '/error'))).toMatchObject({ status: 500 });
});

it('after a peer that failed the same client goes on', async () => {
  let bad = true;
  const server = await serve(() => (bad ? new Promise(() => {}) : 'there'));
  const client = open(server.url);
  await failure(client.request('GET', '/', { timeout: '50ms' }));
  bad = false;
  expect((await client.request('GET', '/')).body).toBe('there');
});

it('nobody who listens, and a name that does not resolve, are told as such', async () => {
  expect(await failure(open('http://127.0.0.1:1').request('GET', '/'))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED', status: 0 });
  expect(await failure(open('http://no-such-host.invalid').request('GET', '/'))).toMatchObject({ code: 'ERR_ADDRESS', status: 0 });
});

it('a connection that fails is tried again where that was asked for', async () => {
  let connections = 0;
  const url = await serveSockets((socket) => {
    connections += 1;
    if (connections < 3) socket.resetAndDestroy();
    else socket.end(`${ok}content-length: 0\r\n\r\n`);
  });
  expect((await open(url, { retries: 2 }).request('GET', '/')).status).toBe(200);
  expect(connections).toBe(3);
});

it('the time of a request holds for all its tries', async () => {
  const server = await serve(() => new Answer(503, '', { 'retry-after': '3' }));
  expect(await failure(open(server.url, { retries: 5, timeout: '1s' }).request('GET', '/'))).toMatchObject({ code: 'ERR_TIMEOUT' });
  expect(server.heard).toHaveLength(1);
});
