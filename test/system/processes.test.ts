/** What runs is ended whole: by a time-out, by a cancel, and by the death of its host; checked by process ids. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { functions, isAlive, pidsIn, runAll, startClient, startPair, startProgram, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

/** A command of three processes that note their ids, one deaf to INT and TERM, one in the background. */
function family(pids: string): string {
  return `echo $$ >> ${pids}; sh -c 'echo $$ >> ${pids}; trap "" INT TERM; while :; do sleep 1; done' & sh -c 'echo $$ >> ${pids}; exec sleep 600'; wait`;
}

/** Time-out (s) of what has to get somewhere before it: a machine that is busy starts processes late. */
const timeToBegin = 1.5;

const allRun = (pids: string, count = 3) => until(() => pidsIn(pids).length === count, 'the start of all processes');

const noneAlive = (pids: string) => until(() => pidsIn(pids).every((pid) => !isAlive(pid)), 'the end of all processes');

it('a time-out ends every process of the command, also one that is deaf to INT and TERM', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const { summary, results } = await runAll([{ args: family(pids), timeout: timeToBegin }, 'echo next'], { numTasks: 1 });
  expect(summary).toMatchObject({ timedOut: 1, succeeded: 1 });
  expect(results[0]).toMatchObject({ outcome: 'timeout' });
  expect(pidsIn(pids)).toHaveLength(3);
  expect(pidsIn(pids).filter(isAlive)).toEqual([]);
});

it('taskTimeout of the server, of the client and of the task each end a command', async () => {
  const lines = ['sleep 30'];
  expect((await runAll(lines, { taskTimeout: 0.2 })).summary).toMatchObject({ timedOut: 1 });
  const server = await startServer({ source: lines });
  await startClient(server, { taskTimeout: '200ms' });
  expect(await server.join(15)).toMatchObject({ timedOut: 1 });
});

it('a command that ends by INT on its time-out has the outcome timeout all the same', async () => {
  const { results } = await runAll([{ args: 'trap "echo cleaned; exit 0" INT; while :; do sleep 0.05; done', timeout: timeToBegin }]);
  expect(results[0]).toMatchObject({ outcome: 'timeout', stdout: Buffer.from('cleaned\n') });
});

it('kill -9 of the host leaves no process of a task behind', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const host = startProgram('run-local.mjs', { lines: [family(pids), `${family(pids)} # again`], options: { numTasks: 2 } });
  await allRun(pids, 6);
  await host.kill('SIGKILL');
  await noneAlive(pids);
});

it('kill -9 of a client process leaves no process behind, and its task goes to the next client', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const server = await startServer({ source: [`echo $$ >> ${pids}; [ $TASK_ATTEMPT = 2 ] || sleep 600`], reconnectGrace: 0.1 });
  const first = startProgram('work.mjs', { address: server.address });
  await allRun(pids, 1);
  await first.kill('SIGKILL');
  await noneAlive(pids);
  const second = await startClient(server);
  expect(await server.join(15)).toMatchObject({ submitted: 1, succeeded: 1, lost: 0 });
  expect(await second.join(5)).toMatchObject({ succeeded: 1 });
});

it('a cancelled running command is dead soon, its result stays cancelled, and its slot takes the next one', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const { server } = await startPair();
  const { ids } = await server.submit([family(pids)]);
  const id = ids?.[0] ?? '';
  await allRun(pids);
  expect(await server.cancel([id])).toBe(1);
  expect(await server.tasks.get(id)).toMatchObject({ state: 'done', outcome: 'cancelled' });
  await noneAlive(pids);
  expect((await server.run('echo next')).stdout.toString()).toBe('next\n');
  expect(await server.tasks.get(id)).toMatchObject({ state: 'done', outcome: 'cancelled' });
  expect(await server.progress()).toMatchObject({ submitted: 2, cancelled: 1, succeeded: 1, pending: 0 });
});

it('a result that comes after the cancel does not overwrite it', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const { server } = await startPair({}, { taskSignalwait: 5 });
  // It ends with status 0 on INT: as a success, were it not cancelled.
  const { ids } = await server.submit([`trap 'exit 0' INT; echo $$ >> ${pids}; while :; do sleep 0.05; done`]);
  await allRun(pids, 1);
  expect(await server.cancel(ids ?? [])).toBe(1);
  await noneAlive(pids);
  await server.run('true');
  expect(await server.tasks.get(ids?.[0] ?? '')).toMatchObject({ outcome: 'cancelled' });
  expect(await server.progress()).toMatchObject({ cancelled: 1, succeeded: 1 });
});

it('queued, waiting and running tasks are cancelled together by a query, and cancelling again is nothing', async () => {
  const { server } = await startPair({}, { numTasks: 1 });
  const mark = join(temporaryFolder(), 'ran');
  const batch = { tags: { batch: 'x' } };
  await server.submit([
    { args: 'sleep 600', ...batch },
    { args: `echo 1 >> ${mark}`, ...batch },
    { args: `echo 2 >> ${mark}`, ...batch, startAfter: '1h' },
    { module: functions, name: 'add', args: [1, 2], ...batch, group: 7 },
    { args: 'true' },
  ]);
  await until(async () => (await server.progress()).running === 1);
  expect(await server.cancel(batch)).toBe(4);
  expect(await server.cancel(batch)).toBe(0);
  await until(async () => (await server.progress()).pending === 0);
  expect(await server.progress()).toMatchObject({ submitted: 5, cancelled: 4, succeeded: 1 });
  expect(await server.tasks.count({ ...batch, outcome: 'cancelled' })).toBe(4);
  expect(pidsIn(mark)).toEqual([]);
});

it('a busy function is cancelled too', async () => {
  const { server } = await startPair();
  const running = server.run({ module: functions, name: 'spin', args: [60_000], tags: { busy: true } });
  await until(async () => (await server.progress()).running === 1);
  expect(await server.cancel({ tags: { busy: true } })).toBe(1);
  expect(await running).toMatchObject({ outcome: 'cancelled' });
  expect((await server.run({ module: functions, name: 'add', args: [1, 2] })).value).toBe(3);
});

it('a client that drains finishes what it runs; one that is interrupted ends it; the rest goes to others', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const server = await startServer({ foreverMode: true });
  const draining = await startClient(server);
  await server.submit([`echo $$ >> ${pids}; until [ -e ${pids}-go ]; do sleep 0.02; done`, 'echo other']);
  await allRun(pids, 1);
  await draining.drain();
  writeFileSync(`${pids}-go`, '');
  expect(await draining.join(10)).toMatchObject({ succeeded: 1, failed: 0 });
  const interrupted = await startClient(server);
  await until(async () => (await server.progress()).succeeded === 2);
  await server.submit([`echo $$ >> ${pids}; exec sleep 600`]);
  await allRun(pids, 2);
  await interrupted.interrupt();
  await interrupted.join(10);
  await noneAlive(pids);
  expect(interrupted.state).toBe('ended');
});
