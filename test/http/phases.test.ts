/** Time-outs, aborts and closes in each part of a request's life: while its connection is made, while it waits for its turn, between its tries. */
import type { Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Client, ClientPool } from '../../src/http/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { Answer, failure, serve, serveSockets } from './servers.ts';

expectNoLeaks();

/** Takes connections, and says nothing in the handshake of TLS. */
async function silent(): Promise<{ url: string; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const url = await serveSockets((socket) => void sockets.push(socket));
  return { url: url.replace('http:', 'https:'), sockets };
}

it('while a connection is made a request ends at its own time or abort, not at that of the connection', async () => {
  const { url, sockets } = await silent();
  const client = new Client(url, null);
  onTestFinished(() => client.close());
  const began = performance.now();
  const late = await failure(client.request('GET', '/', { timeout: '100ms' }));
  expect(late).toMatchObject({ code: 'ERR_TIMEOUT', status: 0 });
  expect(late.message.split('GET ')).toHaveLength(2);
  const controller = new AbortController();
  const request = failure(client.request('GET', '/', { signal: controller.signal }));
  await until(() => sockets.length > 0);
  controller.abort();
  expect(await request).toMatchObject({ code: 'ERR_ABORTED', status: 0 });
  // A connection has ten seconds.
  expect(performance.now() - began).toBeLessThan(8_000);
});

it('a close ends the connections that are being made and that nobody waits for any more', async () => {
  const { url, sockets } = await silent();
  const client = new Client(url, null);
  await failure(client.request('GET', '/', { timeout: '100ms' }));
  await until(() => sockets.length > 0);
  const began = performance.now();
  await client.close();
  expect(performance.now() - began).toBeLessThan(8_000);
  await until(() => sockets.every(({ destroyed }) => destroyed));
});

it('a close waits for the requests of a pool that a wait has taken and that have not had their turn', async () => {
  const server = await serve(({ path }) => path);
  const pool = new ClientPool(null, { simultaneous: 1 });
  for (let n = 0; n < 5; n += 1) pool.request(server.host, 'GET', `/${n}`);
  const outcomes = pool.wait();
  await pool.close();
  expect((await outcomes).map(String)).toEqual(Array(5).fill('<Response 200 OK>'));
});

it('a close waits for the next try of a request', async () => {
  let failures = 1;
  const server = await serve(() => {
    failures -= 1;
    return failures >= 0 ? new Answer(503) : 'there';
  });
  const client = new Client(server.host, null, { retries: 1 });
  const request = client.request('GET', '/');
  await until(() => server.heard.length === 1);
  await client.close();
  expect((await request).body).toBe('there');
});

it('a signal that many requests share ends them all, and is left as it was: Node warns of none of it', async () => {
  const warnings: string[] = [];
  const warned = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', warned);
  onTestFinished(() => void process.off('warning', warned));
  const ends: (() => void)[] = [];
  const server = await serve(() => new Promise<void>((resolve) => void ends.push(resolve)));
  const controller = new AbortController();
  const { signal } = controller;
  const pool = new ClientPool(null, { signal });
  onTestFinished(() => pool.close());
  for (let n = 0; n < 30; n += 1) pool.request(server.host, 'GET', '/', undefined, { signal });
  await until(() => server.heard.length === 2);
  controller.abort();
  expect(new Set((await pool.wait()).map((outcome) => 'code' in outcome && outcome.code))).toEqual(new Set(['ERR_ABORTED']));
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
  for (const end of ends) end();
});

it('a server says when to come again by a date, too, and is taken by its word up to five seconds', async () => {
  const at: number[] = [];
  const server = await serve(() => {
    at.push(performance.now());
    return at.length === 1 ? new Answer(503, '', { 'retry-after': new Date(Date.now() + 3_000).toUTCString() }) : 'there';
  });
  const client = new Client(server.host, null, { retries: 1 });
  onTestFinished(() => client.close());
  await client.request('GET', '/');
  // Without it: after a tenth of a second. A date has whole seconds.
  expect(at[1]! - at[0]!).toBeGreaterThan(1_000);
});

it('a place beyond ASCII that a server redirects to is asked for in UTF-8', async () => {
  // As the bytes stand on the wire.
  const location = Buffer.from('/né').toString('latin1');
  const server = await serve(({ path }) => (path === '/' ? new Answer(302, '', { location }) : path));
  const client = new Client(server.host, null);
  onTestFinished(() => client.close());
  expect((await client.request('GET', '/')).body).toBe('/n%C3%A9');
});
