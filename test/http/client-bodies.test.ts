/** Bodies as users of other clients know them: each goes as what it is, and what JSON would make nothing of is refused. */
import { Blob as NodeBlob } from 'node:buffer';
import { createReadStream, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { Client, ClientPool, type HttpClientOptions, TokenIdentifier } from '../../src/http/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { Answer, failure, serve } from './servers.ts';

expectNoLeaks();

function open(host: string, authenticator: ConstructorParameters<typeof Client>[1] = null, options?: HttpClientOptions): Client {
  const client = new Client(host, authenticator, options);
  onTestFinished(() => client.close());
  return client;
}

const form = (): FormData => {
  const made = new FormData();
  made.set('name', 'Enterprise');
  return made;
};

it.each([
  ['URLSearchParams', new URLSearchParams({ a: '1 2' }), /^application\/x-www-form-urlencoded/, 'a=1+2'],
  ['an ArrayBuffer', new Uint8Array([97, 98]).buffer, /^application\/octet-stream$/, 'ab'],
  ['a view of bytes', new DataView(new Uint8Array([97, 98, 99]).buffer, 1, 1), /^application\/octet-stream$/, 'b'],
  ['a Blob', new NodeBlob(['plain'], { type: 'text/plain' }), /^text\/plain/, 'plain'],
  ['a form', form(), /^multipart\/form-data; boundary=/, 'name="name"\r\n\r\nEnterprise'],
  ['a stream of Node', Readable.from([Buffer.from('a'), Buffer.from('b')]), /^application\/octet-stream$/, 'ab'],
  ['a stream of the web', new NodeBlob(['web']).stream(), /^application\/octet-stream$/, 'web'],
  [
    'a generator',
    (async function* () {
      yield 'ü';
      yield new Uint8Array([97]);
    })(),
    /^application\/octet-stream$/,
    'üa',
  ],
])('%s goes as what it is', async (_name, body, type, text) => {
  const server = await serve(() => null);
  await open(server.url, new TokenIdentifier('a-token')).request('POST', '/', { body });
  expect(server.heard[0]?.headers['content-type']).toMatch(type);
  expect(server.heard[0]?.body.toString()).toContain(text);
});

it.each([
  ['a Map', new Map([[1, 2]])],
  ['a Set', new Set([1])],
  ['a promise', Promise.resolve(1)],
  ['an error', new Error('x')],
  ['a pattern', /x/],
])('%s, of which JSON would make nothing, is refused before anything is sent', async (_name, body) => {
  const server = await serve(() => null);
  await expect(open(server.url).request('POST', '/', { body })).rejects.toMatchObject({ code: 'ERR_OPTION' });
  expect(server.connections).toBe(0);
});

it('a body that comes in pieces is read no faster than it is sent, and let go of when its request ends', async () => {
  let given = 0;
  let over = false;
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        given += 1;
        yield Buffer.alloc(65_536);
      }
    } finally {
      over = true;
    }
  }
  const deaf = createServer();
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    deaf.closeAllConnections();
    await new Promise((resolve) => deaf.close(resolve));
  });
  const controller = new AbortController();
  const sent = failure(
    open(`127.0.0.1:${(deaf.address() as AddressInfo).port}`).request('POST', '/', { body: endless(), signal: controller.signal }),
  );
  let before = -1;
  await until(() => {
    const still = given > 0 && given === before;
    before = given;
    return still;
  });
  expect(given).toBeLessThan(1_000);
  controller.abort();
  expect(await sent).toMatchObject({ code: 'ERR_ABORTED' });
  await until(() => over);
});

it('a file that is not there, or a piece that is neither text nor bytes, fails the request and not the process', async () => {
  const server = await serve(() => null);
  const client = open(server.url);
  const file = join(temporaryFolder(), 'not-there');
  expect(await failure(client.request('POST', '/', { body: createReadStream(file) }))).toMatchObject({
    status: 0,
    message: expect.stringContaining('its body failed: ENOENT'),
  });
  expect(await failure(client.request('POST', '/', { body: Readable.from([{ a: 1 }]) }))).toMatchObject({
    message: expect.stringContaining('texts or bytes'),
  });
  writeFileSync(file, 'now it is');
  await client.request('POST', '/', { body: createReadStream(file) });
  expect(server.heard.at(-1)?.body.toString()).toBe('now it is');
});

it('a body that comes in pieces is sent once, and not signed: that is told before anything of it is read', async () => {
  const server = await serve(() => new Answer(503));
  const lines = (): Readable => Readable.from([Buffer.from('a')]);
  expect(await failure(open(server.url, null, { retries: 3 }).request('PUT', '/', { body: lines() }))).toMatchObject({ status: 503 });
  expect(server.heard).toHaveLength(1);
  const unread = lines();
  expect(await failure(open(server.url, { login: 'root', key: 'toor' }).request('POST', '/', { body: unread }))).toMatchObject({
    message: expect.stringContaining('cannot be signed'),
  });
  expect([server.heard.length, unread.destroyed]).toEqual([1, true]);
});

it('a stream whose request never had its turn in a pool is let go of', async () => {
  let answer = (): void => {};
  const server = await serve(
    () =>
      new Promise<void>((resolve) => {
        answer = resolve;
      }),
  );
  const pool = new ClientPool(null, { simultaneous: 1 });
  onTestFinished(() => pool.close());
  pool.request(server.host, 'GET', '/');
  const body = Readable.from([Buffer.from('a')]);
  const late = pool.request(server.host, 'POST', '/', body);
  await until(() => server.heard.length === 1);
  late.abort();
  await late.settled;
  expect(body.destroyed).toBe(true);
  answer();
});
