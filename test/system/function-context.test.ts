/** What functions know and say while they run: progress, logs, parents, values by file, limits of memory, causes of errors. */
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { connect, readValue, type TaskProgressNote } from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { functions, pidsIn, runAll, startClient, startPair, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

/** Ids of tasks that others depend on. */
const [one, two, three] = [1, 2, 3].map((n) => `0190a000-0000-7000-8000-00000000000${n}`) as [string, string, string];

const call = (name: string, ...args: unknown[]) => ({ module: functions, name, args });

it('what a function says of its progress is told on the handle and to those who are connected, between its start and its end', async () => {
  const { server } = await startPair();
  const story: string[] = [];
  const words: TaskProgressNote[] = [];
  const afar: TaskProgressNote[] = [];
  await using other = await connect(server.address);
  other.on('taskProgress', (list) => afar.push(...list));
  await other.progress();
  server.on('started', () => story.push('started'));
  server.on('completed', () => story.push('completed'));
  server.on('taskProgress', (list) => {
    words.push(...list);
    story.push('word');
  });
  const folder = temporaryFolder();
  const running = server.run(call('stepsBy', 4, folder));
  for (let step = 1; step <= 4; step++) {
    // Of words that follow each other too soon only the last one is told: the next is said when this one is known.
    await until(() => words.length === step && afar.length === step, `word ${step}`);
    writeFileSync(join(folder, String(step)), '');
  }
  const { id, value, stdout } = await running;
  await until(() => story.at(-1) === 'completed', 'the end to be told');
  expect(value).toBe(4);
  expect(words).toEqual([1, 2, 3, 4].map((step) => ({ id, value: { step, of: 4 } })));
  expect(afar).toEqual(words);
  expect(story).toEqual(['started', 'word', 'word', 'word', 'word', 'completed']);
  expect(stdout.toString()).toBe('step 1 of 4\nstep 2 of 4\nstep 3 of 4\nstep 4 of 4\n');
  other.off('taskProgress');
  await other.progress();
  writeFileSync(join(folder, '1'), '');
  await server.run(call('stepsBy', 1, folder));
  await until(() => words.length === 5, 'the next word');
  await other.progress();
  expect(afar).toHaveLength(4);
});

it('a hundred functions that never stop talking make no more than twenty messages a second', async () => {
  const { server } = await startPair({}, { numTasks: 4 });
  let told = 0;
  server.on('taskProgress', () => void told++);
  const begun = performance.now();
  await server.submit(Array.from({ length: 100 }, () => call('steps', 20, 1)));
  await until(async () => (await server.progress()).succeeded === 100, 'all to end', 20_000);
  expect(told).toBeGreaterThan(1);
  // Of all seconds together: a message may be late here, and the next not.
  expect(told).toBeLessThanOrEqual(20 * Math.ceil((performance.now() - begun) / 1_000));
});

it('a function knows the tags and the group of its task', async () => {
  const { results } = await runAll([{ ...call('tagsAndGroup'), tags: { site: 'north', n: 2 }, group: 3 }]);
  expect(results[0]!.value).toEqual({ tags: { site: 'north', n: 2 }, group: 3, attempt: 1 });
});

it('a function is given how the tasks ended that it depends on, in that order', async () => {
  const { server } = await startPair({}, { numTasks: 2 });
  await server.submit([
    { ...call('add', 20, 1), id: three },
    { ...call('echo', new Map([['a', 1n]])), id: two },
    { args: 'echo from a command', id: one },
  ]);
  const { value } = await server.run({ ...call('family'), dependsOn: [one, two, three] });
  expect(value).toEqual([
    [one, 'succeeded', undefined, 'from a command\n'],
    [two, 'succeeded', [new Map([['a', 1n]])], ''],
    [three, 'succeeded', 21, ''],
  ]);
});

it('parents whose values are over the limit of a message together fail the task that asks, alone', async () => {
  const { server } = await startPair();
  await server.submit([
    { ...call('text', 7.9 * 2 ** 20), id: one },
    { ...call('text', 7.9 * 2 ** 20), id: two },
  ]);
  const tooMuch = await server.run({ ...call('family'), dependsOn: [one, two] });
  expect([tooMuch.outcome, tooMuch.error?.code]).toEqual(['failed', 'ERR_FRAME_TOO_LARGE']);
  expect((await server.run(call('add', 1, 1))).value).toBe(2);
});

it('a value over valueLimit stays in a file that the result names', async () => {
  const { results } = await runAll([call('text', 5_000), call('text', 900)], { valueLimit: '1KB' });
  const [large, small] = results;
  expect(large).toMatchObject({ outcome: 'succeeded', value: undefined, valuePath: expect.any(String) });
  expect(await readValue(large!.valuePath!)).toBe('x'.repeat(5_000));
  await rm(dirname(large!.valuePath!), { recursive: true });
  expect(small!.value).toBe('x'.repeat(900));
  expect(small!.valuePath).toBeUndefined();
});

it('a function that eats its memory fails with the limit that it met, and its neighbours succeed', async () => {
  const { results } = await runAll([call('after', 400, 'beside'), call('devour'), call('add', 1, 1), call('add', 2, 2)], {
    resourceLimits: { maxOldGenerationSizeMb: 32 },
  });
  expect(results.map(({ value, error }) => value ?? error?.code)).toEqual(['beside', 'ERR_WORKER_CRASHED', 2, 4]);
  expect(results[1]!.error!.message).toContain('maxOldGenerationSizeMb 32');
});

it('a cancelled call among many small ones takes none of them with it, and none runs twice', async () => {
  const { server } = await startPair({}, { numTasks: 1 });
  const path = `${temporaryFolder()}/notes`;
  const started: string[] = [];
  server.on('started', (list) => started.push(...list.map(({ id }) => id)));
  // So that calls of this function travel together.
  await server.submit(Array.from({ length: 50 }, () => call('note', '/dev/null', '')));
  await until(async () => (await server.progress()).succeeded === 50, 'the first calls to end');
  const { ids } = await server.submit(
    Array.from({ length: 300 }, (_, i) => (i === 150 ? call('spin', 30_000) : call('note', path, `${i}`))),
  );
  await until(() => started.includes(ids![150]!), 'the busy call to start');
  await server.cancel([ids![150]!]);
  await until(async () => (await server.progress()).pending === 0, 'all to end');
  expect(await server.progress()).toMatchObject({ succeeded: 349, cancelled: 1, failed: 0 });
  expect(pidsIn(path).sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i).filter((i) => i !== 150));
});

it('an error keeps its cause on its way through a durable store', async () => {
  const folder = temporaryFolder();
  const { results } = await runAll([call('failWithCause')], { database: `${folder}/tasks.db` });
  expect(results[0]!.error).toMatchObject({ message: 'outer', cause: { name: 'RangeError', message: 'inner' } });
});

it('what a function prints goes to the output of the process, never into its result', async () => {
  const { results } = await runAll([call('shout', '')]);
  expect(results[0]).toMatchObject({ outcome: 'succeeded', value: 0, truncated: false });
  expect(results[0]!.stdout).toHaveLength(0);
});

it('a child runs once, with what its parent gave, when the server was started again in between', async () => {
  const database = `${temporaryFolder()}/tasks.db`;
  const port = await freePort();
  const address = { host: 'localhost', port };
  const auth = 'a key of both sides';
  const path = `${temporaryFolder()}/runs`;
  const first = await startServer({ address, auth, database, foreverMode: true });
  await startClient(first, { auth });
  await first.submit([
    { ...call('after', 300, 'late'), id: one },
    { ...call('family', path), id: two, dependsOn: [one] },
  ]);
  await first.stop({ timeout: 5 }).catch(() => {});
  const second = await startServer({ address, auth, database, foreverMode: true });
  await startClient(second, { auth });
  const child = await until(
    async () => {
      const record = await second.tasks.get(two);
      return record?.state === 'done' ? record : null;
    },
    'the child to end',
    15_000,
  );
  expect(readFileSync(path, 'utf8')).toBe('ran\n');
  expect(child?.value).toEqual([[one, 'succeeded', 'late', '']]);
});
