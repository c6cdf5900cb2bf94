/** Sources that are submitted again: by content, by resuming a server's own source, and from a job log. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openTasks, type RunLocalOptions, runLocal, type ServerOptions, serveFile, serveFrom, submitFile } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, collect, startProgram, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}

/** Lines whose commands write their names into a file. */
function source(names: readonly string[]): {
  path: string;
  log: string;
  database: string;
  folder: string;
  write(names: readonly string[]): void;
} {
  const folder = temporaryFolder();
  const path = join(folder, 'lines');
  const log = join(folder, 'log');
  const write = (list: readonly string[]): void => writeFileSync(path, list.map((name) => `echo ${name} >> ${log}`).join('\n'));
  write(names);
  return { path, log, database: join(folder, 'tasks.db'), folder, write };
}

/**
 * The shortest of three calls, ms: by the clock or, on a machine that is busy with something else, by the processor time of this process. What a server
 * with nothing to do takes is measured likewise, since a processor that is shared is slower too.
 */
async function timeOf(call: () => Promise<unknown>): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3; turn++) {
    const before = process.cpuUsage();
    const began = performance.now();
    await call();
    const { user, system } = process.cpuUsage(before);
    shortest = Math.min(shortest, performance.now() - began, (user + system) / 1_000);
  }
  return shortest;
}

const quick: RunLocalOptions = { numTasks: 2, taskSignalwait: 0.2 };
const alone: ServerOptions = { address: ['localhost', 0] };

it('a source that is resumed runs what is new in it, wherever that stands, and each of its equal lines once', async () => {
  const { path, log, database, write } = source(['a', 'b', 'same', 'same']);
  const options = { ...quick, database, resume: true };
  expect(await runLocal(path, options)).toMatchObject({ succeeded: 4 });
  expect(linesOf(log).sort()).toEqual(['a', 'b', 'same', 'same']);
  await runLocal(path, options);
  expect(linesOf(log)).toHaveLength(4);
  write(['new', 'a', 'same', 'b', 'newer', 'same', 'same']);
  await runLocal(path, options);
  expect(linesOf(log).sort()).toEqual(['a', 'b', 'new', 'newer', 'same', 'same', 'same']);
});

it('an iterable of the host is resumed as a file is', async () => {
  const { log, database } = source([]);
  const tasks = ['a', 'b', 'b'].map((name) => `echo ${name} >> ${log}`);
  const options = { ...quick, database, resume: true };
  await runLocal(tasks, options);
  await runLocal([...tasks, `echo c >> ${log}`], options);
  expect(linesOf(log).sort()).toEqual(['a', 'b', 'b', 'c']);
});

it.each(['a file', 'an iterable'])("resume: 'failed' runs those of %s again that did not succeed, and no others", async (kind) => {
  const { path, log, database, folder } = source([]);
  const lines = [`echo good >> ${log}`, `echo bad >> ${log}; test -e ${folder}/mended`, 'malformed # MILLRACE: cores:x'];
  writeFileSync(path, lines.join('\n'));
  const given = kind === 'a file' ? path : lines;
  const options: RunLocalOptions = { ...quick, database };
  expect(await runLocal(given, { ...options, resume: true })).toMatchObject({ succeeded: 1, failed: 1, rejected: 1 });
  await runLocal(given, { ...options, resume: true });
  expect(linesOf(log).sort()).toEqual(['bad', 'good']);
  writeFileSync(join(folder, 'mended'), '');
  await runLocal(given, { ...options, resume: 'failed' });
  expect(linesOf(log).sort()).toEqual(['bad', 'bad', 'good']);
  await using tasks = await openTasks(database);
  const rows = await collect(tasks.find());
  expect(rows.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded', 'rejected']);
});

it('10,000 finished commands are resumed in less than half a second without running any, and 10 new ones in their middle run alone', async () => {
  const { path, log, database } = source([]);
  const lines = Array.from({ length: 10_000 }, (_, i) => `: ${i}`);
  writeFileSync(path, lines.join('\n'));
  const oneLine = `${path}-one`;
  writeFileSync(oneLine, '# nothing');
  expect(await runLocal(path, { ...quick, numTasks: 4, database, resume: true })).toMatchObject({ succeeded: 10_000 });
  const least = await timeOf(() => serveFile(oneLine, { ...alone, database: `${database}-one`, resume: true }));
  expect(await timeOf(() => serveFile(path, { ...alone, database, resume: true }))).toBeLessThan(Math.max(500, 2.5 * least));
  await using before = await openTasks(database);
  expect(await before.count()).toBe(10_000);
  const more = Array.from({ length: 10 }, (_, i) => `echo ${i} >> ${log}`);
  writeFileSync(path, [...lines.slice(0, 5_000), ...more, ...lines.slice(5_000)].join('\n'));
  const ran: string[] = [];
  await runLocal(path, { ...quick, database, resume: true, onResult: ({ args }) => void ran.push(args) });
  expect(ran.sort()).toEqual([...more].sort());
  expect(linesOf(log)).toHaveLength(10);
});

it('a run that was killed in its middle is resumed: all of it gets done, and only what was under way runs again', async () => {
  const names = Array.from({ length: 300 }, (_, i) => `n${i}`);
  const { path, log, database, folder } = source(names);
  const go = join(folder, 'go');
  // Some are left when it is killed, however late that is.
  const waits = `until [ -e ${go} ]; do sleep 0.02; done; `;
  writeFileSync(path, names.map((name, i) => `${i < 200 ? '' : waits}echo ${name} >> ${log}`).join('\n'));
  const program = startProgram('resumable.mjs', { path, database });
  await until(() => linesOf(log).length > 40, 'some commands', 20_000);
  await program.kill();
  const atDeath = linesOf(log).length;
  expect(atDeath).toBeLessThan(300);
  writeFileSync(go, '');
  const summary = await runLocal(path, { ...quick, numTasks: 4, database, resume: true, reconnectGrace: 0.2 });
  expect(summary.pending).toBe(0);
  // The client went with its server: nobody waits `evictAfter` for it.
  expect(summary.durationMs).toBeLessThan(40_000);
  const counts = new Map<string, number>();
  for (const name of linesOf(log)) counts.set(name, (counts.get(name) ?? 0) + 1);
  expect([...counts.keys()].sort()).toEqual([...names].sort());
  // What ran when the host died, and had not been recorded, runs again: at most one a slot and what was on its way.
  const twice = [...counts.values()].filter((count) => count > 1).length;
  expect(twice).toBeLessThan(120);
  await using tasks = await openTasks(database);
  expect(await tasks.count({ outcome: 'succeeded' })).toBe(300);
  expect(await tasks.count()).toBe(300);
});

it('a job log alone is enough to resume from: what stands in it is passed over, or run again when it failed', async () => {
  const { path, log, folder } = source([]);
  const joblog = join(folder, 'joblog');
  const lines = ['# a comment', `echo 1 >> ${log}`, '', `echo 2 >> ${log}; test -e ${folder}/mended`, `echo 3 >> ${log}`];
  writeFileSync(path, lines.join('\n'));
  await runLocal(path, { ...quick, joblog });
  expect(linesOf(log).sort()).toEqual(['1', '2', '3']);
  writeFileSync(path, [...lines, `echo 4 >> ${log}`].join('\n'));
  expect(await runLocal(path, { ...quick, joblog, resume: true })).toMatchObject({ succeeded: 1 });
  expect(linesOf(log).slice(3)).toEqual(['4']);
  writeFileSync(join(folder, 'mended'), '');
  expect(await runLocal(readFileSync(path, 'utf8').split('\n'), { ...quick, joblog, resume: 'failed' })).toMatchObject({ succeeded: 1 });
  expect(linesOf(log).slice(4)).toEqual(['2']);
  expect(await runLocal(path, { ...quick, joblog, resume: 'failed' })).toMatchObject({ submitted: 0 });
  writeFileSync(joblog, 'nonsense\n');
  expect(await codeOf(() => serveFile(path, { ...alone, joblog, resume: true }))).toBe('ERR_JOB_LOG');
});

it("submission with key: 'content' is a no-op the second time, from any side, but for what is new", async () => {
  const { path, write } = source(['a', 'b', 'b']);
  const server = await startServer({ foreverMode: true });
  const options = { address: server.address, key: 'content' as const };
  expect(await submitFile(path, options)).toEqual({ submitted: 3, duplicates: 0, rejected: 0 });
  expect(await submitFile(path, options)).toEqual({ submitted: 0, duplicates: 3, rejected: 0 });
  write(['a', 'x', 'b', 'b', 'b']);
  expect(await server.submit(path, { key: 'content' })).toMatchObject({ submitted: 2, duplicates: 3 });
  expect(await server.submit(readFileSync(path, 'utf8').split('\n'), { key: 'content' })).toMatchObject({ submitted: 0, duplicates: 5 });
});

it.each(['a file', 'an iterable'])(
  'strict ends a server with the first malformed task of %s, after what stands before it',
  async (kind) => {
    const { path, log, database } = source(['a']);
    const lines = [...readFileSync(path, 'utf8').split('\n'), 'x # MILLRACE: cores:two', `echo never >> ${log}`];
    writeFileSync(path, lines.join('\n'));
    const run = serveFrom(kind === 'a file' ? path : lines, { ...alone, database, strict: true });
    await expect(run).rejects.toMatchObject({ code: 'ERR_DIRECTIVE', message: expect.stringContaining('line 2: ') });
    await using tasks = await openTasks(database);
    expect(await tasks.count()).toBe(1);
  },
);
