/** Cut, silent and half-open networks between a client or a submitter and its server: everything is done, and recorded once. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { type ServerThread, SubmitThread } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import type { Direction, TcpProxy } from '../support/tcp-proxy.mjs';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, openProxy, pidsIn, startClient, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 90_000 });
expectNoLeaks();

const auth = 'a key of both sides';

/** A server, and the network to it. */
async function startBehindProxy(options: object): Promise<{ server: ServerThread; proxy: TcpProxy }> {
  const server = await startServer({ foreverMode: true, auth, database: join(temporaryFolder(), 'tasks.db'), ...options });
  return { server, proxy: await openProxy((server.address as { port: number }).port) };
}

/** Commands that note their number, so many ms apart. */
const noting = (path: string, count: number, seconds = 0.02): string[] =>
  Array.from({ length: count }, (_, i) => `echo ${i} >> ${path}; sleep ${seconds}`);

const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const sorted = (path: string): number[] => pidsIn(path).sort((a, b) => a - b);

it('a network that is cut again and again costs nothing: each task runs once', async () => {
  const ran = join(temporaryFolder(), 'ran');
  const { server, proxy } = await startBehindProxy({ reconnectGrace: 20 });
  await startClient(server, { address: proxy.address, auth, numTasks: 3 });
  // Those of each round wait for its cut, so that there is something to cut each time.
  const opened = (round: number): void => writeFileSync(`${ran}-${round}`, '');
  const waits = (round: number): string => `until [ -e ${ran}-${round} ]; do sleep 0.01; done`;
  await server.submit(noting(ran, 300).map((line, i) => `${waits(Math.floor(i / 33))}; ${line}`));
  opened(0);
  for (let cuts = 1; cuts <= 8; cuts++) {
    await until(() => pidsIn(ran).length >= cuts * 30, 'some commands');
    opened(cuts);
    const { refused } = proxy.counts;
    proxy.cut({ refuse: cuts % 2 === 0 });
    if (cuts % 2 === 0) await until(() => proxy.counts.refused > refused, 'an attempt that is refused');
    proxy.heal();
  }
  opened(9);
  await until(async () => (await server.progress()).succeeded === 300, 'all of them', 40_000);
  expect(sorted(ran)).toEqual(all(300));
  expect(await server.progress()).toMatchObject({ succeeded: 300, retried: 0, lost: 0 });
  expect(proxy.counts.made).toBeGreaterThan(8);
});

it('a network that is away for longer than reconnectGrace gives its client’s tasks to another, and late results are refused and counted', async () => {
  const ran = join(temporaryFolder(), 'ran');
  const { server, proxy } = await startBehindProxy({ reconnectGrace: 0.3 });
  await startClient(server, { address: proxy.address, auth, resources: { far: 1 } });
  const result = server.run(
    `echo 1 >> ${ran}; [ $TASK_ATTEMPT = 2 ] || { until [ -e ${ran}-go ]; do sleep 0.02; done; echo 3 >> ${ran}; }; echo $TASK_ATTEMPT`,
  );
  await until(() => pidsIn(ran).length === 1);
  proxy.cut({ refuse: true });
  const near = await startClient(server, { auth });
  expect(await result).toMatchObject({ outcome: 'succeeded', attempt: 2, clientId: near.id, stdout: Buffer.from('2\n') });
  writeFileSync(`${ran}-go`, '');
  await until(() => pidsIn(ran).includes(3), 'the end of the first attempt');
  const { refused } = proxy.counts;
  await until(() => proxy.counts.refused > refused, 'a further attempt to connect');
  proxy.heal();
  // Only it can run this: it gets work again after it has told what it had.
  expect((await server.run({ args: 'true', resources: { far: 1 } })).outcome).toBe('succeeded');
  await server.stop({ drain: true });
  expect(await server.join(20)).toMatchObject({ submitted: 2, succeeded: 2, retried: 1, duplicatesRefused: 1 });
});

it.each<[string, Direction[]]>([
  ['both ways', []],
  ['towards the server', ['up']],
  ['towards the client', ['down']],
])(
  'a network that falls silent %s without a word is noticed after evictAfter, and healed it costs nothing but what had to run again',
  async (_, ways) => {
    const ran = join(temporaryFolder(), 'ran');
    const { server, proxy } = await startBehindProxy({ evictAfter: 2, reconnectGrace: 0.2 });
    const far = await startClient(server, { address: proxy.address, auth, numTasks: 2 });
    await server.submit(noting(ran, 60, 0.05));
    await until(() => pidsIn(ran).length > 10, 'the first commands');
    proxy.silence(...ways);
    await startClient(server, { auth, numTasks: 2 });
    await until(async () => (await server.progress()).succeeded === 60, 'all of them by the other client', 40_000);
    proxy.heal();
    await until(
      async () => far.state === 'connected' && (await server.clients()).filter(({ connected }) => connected).length === 2,
      'its return',
    );
    expect((await server.run('echo after')).stdout.toString()).toBe('after\n');
    expect([...new Set(sorted(ran))]).toEqual(all(60));
    await server.stop({ drain: true });
    expect(await server.join(20)).toMatchObject({ submitted: 61, succeeded: 61, failed: 0, lost: 0, pending: 0 });
  },
);

it('a client that meets a half-open connection gives it up and comes through when it is healed', async () => {
  const { server, proxy } = await startBehindProxy({ reconnectGrace: 30 });
  const client = await startClient(server, { address: proxy.address, auth });
  expect((await server.run('echo 1')).outcome).toBe('succeeded');
  proxy.silence('down');
  proxy.cut();
  await until(() => proxy.counts.made > 1, 'a connection that nobody answers');
  proxy.heal();
  expect((await server.run('echo 2')).stdout.toString()).toBe('2\n');
  expect(client.state).toBe('connected');
});

it('a submitter takes every task to its server exactly once, whatever becomes of its connections', async () => {
  const { server, proxy } = await startBehindProxy({});
  const count = 6_000;
  const lines = Array.from({ length: count }, (_, i) => `: ${i}`);
  const submitter = await SubmitThread.new(lines, { address: proxy.address, auth, bundlesize: 7 });
  for (let cuts = 1, told = 0; cuts <= 10; cuts++) {
    // Over a connection that stands: of one that is made in silence nobody would hear.
    await until(() => (submitter.count >= cuts * 500 && submitter.count > told) || submitter.count === count, 'some bundles');
    // First only its acknowledgements are lost, then the connection.
    proxy.silence('down');
    await until(
      async () => (await server.progress()).submitted > submitter.count || submitter.count === count,
      'bundles without an acknowledgement',
    );
    const { made } = proxy.counts;
    proxy.cut();
    proxy.heal();
    await until(() => proxy.counts.made > made || submitter.count === count, 'another connection');
    told = submitter.count;
  }
  expect(await submitter.join(40)).toEqual({ submitted: count, duplicates: 0, rejected: 0 });
  const found = await collect(server.tasks.find());
  expect(found.map(({ args }) => args)).toEqual(lines);
  expect(await server.progress()).toMatchObject({ submitted: count });
});
