/** Both snippets of the library page, in camelCase, with the functions that join the thread themselves. */
import { expect, it, vi } from 'vitest';
import { ClientThread, connect, runClient, ServerThread, serveForever, submitFrom } from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

const auth = 'my-secret-key';

it('a server runs for ever on all interfaces, and a client of 16 slots works for it until it is told to end', async () => {
  const port = await freePort();
  await using server = await ServerThread.new({
    foreverMode: true,
    address: ['0.0.0.0', port],
    auth,
    maxRetries: 2,
    eager: true,
    evictAfter: 600,
  });
  await using client = await ClientThread.new({ numTasks: 16, address: ['127.0.0.1', port], auth, clientTimeout: 600 });
  const { outcome, stdout } = await server.run('echo from the page');
  expect([outcome, stdout.toString()]).toEqual(['succeeded', 'from the page\n']);
  expect((await server.clients()).map(({ slots }) => slots)).toEqual([16]);
  await server.stop();
  expect(await server.join()).toMatchObject({ submitted: 1, succeeded: 1, pending: 0 });
  expect(await client.join()).toMatchObject({ succeeded: 1, failed: 0 });
});

it('serveForever() and runClient() make the thread and wait for it', async () => {
  const port = await freePort();
  const stop = new AbortController();
  const served = serveForever({
    address: ['0.0.0.0', port],
    auth,
    maxRetries: 2,
    eager: true,
    evictAfter: 600,
    signal: stop.signal,
  });
  const worked = runClient({ numTasks: 16, address: ['127.0.0.1', port], auth, clientTimeout: 600 });
  const lines = Array.from({ length: 40 }, (_, i) => `echo ${i}`);
  expect(await submitFrom(lines, { address: ['127.0.0.1', port], auth })).toEqual({ submitted: 40, duplicates: 0, rejected: 0 });
  {
    await using control = await connect(['127.0.0.1', port], { auth });
    await until(async () => (await control.progress()).succeeded === 40);
  }
  stop.abort();
  expect(await served).toMatchObject({ submitted: 40, succeeded: 40, pending: 0 });
  expect(await worked).toMatchObject({ succeeded: 40 });
});

it('a client leaves when it had no task for clientTimeout', async () => {
  await using server = await ServerThread.new({ foreverMode: true, address: 'localhost:0' });
  const client = await ClientThread.new({ address: server.address, clientTimeout: '200ms' });
  expect(await client.join(10)).toMatchObject({ succeeded: 0, failed: 0 });
  expect(client.state).toBe('ended');
});
