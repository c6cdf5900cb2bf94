/** Submitting to a running server: receipts, ids, keys, directives, start times, and what is malformed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { SubmitThread, submitFile, submitFrom } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, collect, functions, runAll, startClient, startPair, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

it('run() gives the recorded result of one task, whatever that is', async () => {
  const { server } = await startPair();
  expect(await server.run('echo one')).toMatchObject({ outcome: 'succeeded', exitStatus: 0, attempt: 1, stdout: Buffer.from('one\n') });
  expect(await server.run('exit 5')).toMatchObject({ outcome: 'failed', exitStatus: 5 });
  expect(await server.run({ args: 'sleep 60', timeout: 0.1 })).toMatchObject({ outcome: 'timeout' });
  expect((await server.run<number>({ module: functions, name: 'add', args: [4, 5] })).value).toBe(9);
  const together = await Promise.all(Array.from({ length: 50 }, (_, i) => server.run(`echo ${i}`)));
  expect(together.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

it('submit() counts and names what it accepted, in order, after it is committed', async () => {
  const { server } = await startPair();
  const receipt = await server.submit(['echo a', 'echo b', { args: 'echo c', priority: 'nonsense' } as never]);
  expect(receipt).toMatchObject({ submitted: 3, duplicates: 0, rejected: 1 });
  const records = await Promise.all((receipt.ids ?? []).map((id) => server.tasks.get(id)));
  expect(records.map((record) => record?.args)).toEqual(['echo a', 'echo b', 'echo c']);
  expect(records[2]).toMatchObject({ state: 'done', outcome: 'rejected', error: { code: 'ERR_TASK' } });
  expect(new Set(receipt.ids).size).toBe(3);
});

it('a submission takes any source: a list, a generator, a stream, a file', async () => {
  const server = await startServer({ foreverMode: true });
  const path = join(temporaryFolder(), 'lines');
  writeFileSync(path, 'echo 1\necho 2\n');
  async function* generated() {
    yield 'echo 3';
    yield { args: 'echo 4' };
  }
  expect(await server.submit(path)).toMatchObject({ submitted: 2 });
  expect(await server.submit(new URL(`file://${path}`))).toMatchObject({ submitted: 2 });
  expect(await server.submit(generated())).toMatchObject({ submitted: 2 });
  expect(await server.submit(Readable.from([Buffer.from('echo 5\nec'), Buffer.from('ho 6\n')], { objectMode: false }))).toMatchObject({
    submitted: 2,
  });
  expect(await server.submit(new Set(['echo 7']))).toMatchObject({ submitted: 1 });
  expect((await collect(server.tasks.find())).map(({ args }) => args.slice(5)).join('')).toBe('121234567');
});

it("a server's own source comes in bundles of its bundlesize, also one that the host reads", async () => {
  const server = await startServer({ source: Array.from({ length: 300 }, () => 'true'), bundlesize: 2 });
  const together: number[] = [];
  server.on('submitted', (tasks) => together.push(tasks.length));
  await until(async () => (await server.progress()).submitted === 300, 'all tasks');
  await until(() => together.length > 0, 'the event');
  // 64 bundles may be on their way.
  expect(Math.max(...together)).toBeLessThanOrEqual(128);
});

it('above 10,000 tasks a receipt names none', async () => {
  const server = await startServer({ foreverMode: true });
  expect(await server.submit(Array.from({ length: 10_001 }, () => 'true'))).toEqual({
    submitted: 10_001,
    duplicates: 0,
    rejected: 0,
    ids: null,
  });
});

it('a second submission with the same key or id adds nothing, also in the same bundle', async () => {
  const { server } = await startPair({ database: join(temporaryFolder(), 'tasks.db') });
  const id = '018f0000-0000-7000-8000-00000000abcd';
  const tasks = [
    { args: 'echo once', key: 'k' },
    { args: 'echo twice', key: 'k' },
    { args: 'echo own', id },
  ];
  const first = await server.submit(tasks);
  expect(first).toMatchObject({ submitted: 2, duplicates: 1 });
  expect(first.ids?.[1]).toBe(id);
  expect(await server.submit(tasks)).toMatchObject({ submitted: 0, duplicates: 3, ids: [] });
  const result = await server.run({ args: 'echo thrice', key: 'k' });
  expect([result.args, result.id]).toEqual(['echo once', first.ids?.[0]]);
  expect((await server.run({ args: 'echo again', id })).stdout.toString()).toBe('own\n');
  await until(async () => (await server.progress()).pending === 0);
  expect(await server.progress()).toMatchObject({ submitted: 2, succeeded: 2 });
});

it('a directive sets options of its line, and one that stands alone those of the lines after it', async () => {
  const path = join(temporaryFolder(), 'lines');
  writeFileSync(
    path,
    [
      'echo "$TASK_TAG_SAMPLE $TASK_CORES" # MILLRACE: cores:1 sample:007',
      '# MILLRACE: sample:default group:0',
      'echo "$TASK_TAG_SAMPLE"',
      'echo "$TASK_TAG_SAMPLE" # HYPERSHELL: sample:1e5',
      '# an ordinary comment',
      '',
    ].join('\n'),
  );
  const { results } = await runAll(path);
  const commands = results.filter(({ args }) => args.startsWith('echo'));
  expect(commands.map(({ stdout, tags }) => [stdout.toString(), tags])).toEqual([
    ['007 1\n', { sample: '007' }],
    ['default\n', { sample: 'default' }],
    ['1e5\n', { sample: '1e5' }],
  ]);
  expect(commands[0]?.args).toBe('echo "$TASK_TAG_SAMPLE $TASK_CORES"');
});

it('a malformed task is recorded as rejected with what is wrong; with strict it ends the submission with its code', async () => {
  const { server } = await startPair();
  const bad = [
    'echo fine',
    { args: 'x', timeOut: 5 } as never,
    'echo # MILLRACE: cores:many',
    { args: '' },
    { args: 'x', memory: '5 parsecs' },
  ];
  const { ids, submitted, rejected } = await server.submit(bad);
  expect(submitted - rejected).toBeGreaterThanOrEqual(1);
  const records = await Promise.all((ids ?? []).map((id) => server.tasks.get(id)));
  expect(records[1]).toMatchObject({ outcome: 'rejected', error: { code: 'ERR_TASK', message: expect.stringContaining("'timeout'") } });
  expect(records[2]).toMatchObject({ outcome: 'rejected', error: { code: 'ERR_DIRECTIVE' } });
  expect(records[4]).toMatchObject({ outcome: 'rejected', error: { code: 'ERR_SIZE' } });
  expect(await codeOf(() => server.submit(bad, { strict: true }))).toBe('ERR_TASK');
  expect(await codeOf(() => server.run({ args: 'x', timeOut: 5 } as never))).toBe('ERR_TASK');
});

it('a task with a start time waits for it, and the server says so', async () => {
  const { server } = await startPair();
  const begun = performance.now();
  const waiting = server.run({ args: 'echo now', startAfter: '400ms' });
  const { ids } = await server.submit([{ args: 'echo never', startAfter: new Date(Date.now() + 3_600_000) }]);
  const { state, reasons } = await server.tasks.explain(ids?.[0] ?? '');
  expect(state).toBe('waiting');
  expect(reasons.join()).toMatch(/starts in 3[56]\d{5} ms/);
  await waiting;
  expect(performance.now() - begun).toBeGreaterThanOrEqual(395);
});

it('submission defaults reach every task that names none itself, and the template makes its line', async () => {
  const { server } = await startPair();
  const { ids } = await server.submit(['a', { args: 'b', tags: { own: 1 } }], {
    template: 'echo {}',
    tags: { own: 0, all: true },
    priority: 3,
    group: 1,
  });
  const records = await Promise.all((ids ?? []).map((id) => server.tasks.get(id)));
  expect(records.map((record) => [record?.args, record?.group, record?.tags])).toEqual([
    ['echo a', 1, { own: 0, all: true }],
    ['echo b', 1, { own: 1, all: true }],
  ]);
});

it('a submitter of its own feeds a server, counts as it goes, and the server ends after the last one', async () => {
  const server = await startServer({ bundlesize: 10 });
  const { address } = server;
  const path = join(temporaryFolder(), 'lines');
  writeFileSync(path, Array.from({ length: 250 }, (_, i) => `: ${i}\n`).join(''));
  const lines = await SubmitThread.new(path, { address });
  expect(await lines.join(10)).toEqual({ submitted: 250, duplicates: 0, rejected: 0 });
  expect(lines.count).toBe(250);
  // A server without work to come waits for a client, not for another submitter.
  const [fromFile, fromList] = await Promise.all([submitFile(path, { address, bundlesize: 7 }), submitFrom(['true'], { address })]);
  expect([fromFile.submitted, fromList.submitted]).toEqual([250, 1]);
  await startClient(server, { numTasks: 2 });
  expect(await server.join(20)).toMatchObject({ submitted: 501, succeeded: 501, pending: 0 });
});
