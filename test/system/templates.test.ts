/** Templates of submissions and clients, lines of JSON, and what is malformed in them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { ClientThread, runLocal, submitFile } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, failureOf, isAlive, pidsIn, runAll, startClient, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

const texts = (results: readonly { stdout: Buffer }[]): string[] => results.map(({ stdout }) => stdout.toString().trim());

it('every pattern of a template is filled in on the client', async () => {
  const template = `echo '{}|{.}|{..}|{/}|{/-}|{-}|{+}|{++}|{[0]}|{[-1]}|{[:]}|{{}}|{site}' "$(echo {a,b} | awk '{print $1}')" \${HOME:+h}`;
  const { results } = await runAll([{ args: '/some/path/to/file.h5', tags: { site: 'north' } }], { template });
  expect(texts(results)).toEqual([
    '/some/path/to/file.h5|/some/path/to|/some/path|file.h5|file|/some/path/to/file|.h5|h5|/some/path/to/file.h5|/some/path/to/file.h5|/some/path/to/file.h5|{}|north {a,b} h',
  ]);
  expect(results[0]?.command).toContain("echo '/some/path/to/file.h5|");
});

it('an expression of a client has the line, tags and slot; what fails in it fails its task alone', async () => {
  const template = 'echo \'{= x === "bad" ? null : x.toUpperCase() + tags.n + (slot < 2) =}\'';
  const { results } = await runAll(
    ['a', 'bad', 'b'].map((args) => ({ args, tags: { n: 7 } })),
    { template },
  );
  expect(texts(results)).toEqual(['A7true', '', 'B7true']);
  expect(results[1]).toMatchObject({ outcome: 'failed', exitStatus: null, error: { code: 'ERR_TEMPLATE' } });
  expect(results[1]?.error?.message).toContain('it gave null');
});

it('a command of a template is run with the line before the task, and its output filled in', async () => {
  const template = 'echo {% echo @ $TASK_TAG_N | tr a-z A-Z %} {= x.length =} {% echo second; echo %}';
  const { results } = await runAll([{ args: 'one two', tags: { n: 5 } }, "it's fine", 'plain'], { template });
  expect(texts(results)).toEqual(['ONE TWO 5 7 second', '', 'PLAIN 5 second']);
  expect(results[0]?.command).toBe('echo ONE TWO 5 7 second');
  // The line goes into the command as it is: a quote that it opens stays open.
  expect(results[1]).toMatchObject({ outcome: 'failed', error: { code: 'ERR_TEMPLATE' } });
});

it.each([
  ['exit 3', 'ended with status 3'],
  ['echo because >&2; exit 1', ': because'],
  ['kill -9 $$', 'was ended by SIGKILL'],
  ['yes', 'more than 64 KiB'],
])('a command of a template that does %j fails its task with the reason', async (command, reason) => {
  const { results } = await runAll(['x'], { template: `echo {% ${command} %}` });
  expect(results[0]).toMatchObject({ outcome: 'failed', exitStatus: null, error: { code: 'ERR_TEMPLATE' } });
  expect(results[0]?.error?.message).toContain(reason);
});

it('a command of a template counts to the time of its task and is ended with it, with all that it started', async () => {
  const folder = temporaryFolder();
  const pids = join(folder, 'pids');
  const template = `echo {% sleep 60 & echo $! >> ${pids}; echo $$ >> ${pids}; sleep 61 %}; touch ${folder}/ran`;
  const { results } = await runAll([{ args: 'x', timeout: 1.5 }], { template });
  expect(results[0]).toMatchObject({ outcome: 'timeout' });
  await until(() => pidsIn(pids).every((pid) => !isAlive(pid)), 'the end of what it started');
  expect(pidsIn(pids)).toHaveLength(2);
  expect(existsSync(join(folder, 'ran'))).toBe(false);
});

it('the time of a command of a template is part of the duration of its task', async () => {
  const { results } = await runAll(['x'], { template: 'true {% sleep 0.5 %}' });
  expect(results[0]).toMatchObject({ outcome: 'succeeded' });
  expect(results[0]?.durationMs).toBeGreaterThanOrEqual(499);
  const { startedAt, completedAt } = results[0]!;
  expect(completedAt - (startedAt ?? completedAt)).toBeGreaterThanOrEqual(490);
});

it('a task in a folder that is not there fails with ERR_CWD, also where its template runs a command', async () => {
  const { results } = await runAll([{ args: 'x', cwd: '/no/such/folder' }], { template: 'echo {% pwd %}' });
  expect(results[0]).toMatchObject({ outcome: 'failed', exitStatus: null, error: { code: 'ERR_CWD' } });
});

it('a task whose template runs a command can be cancelled, and other slots go on meanwhile', async () => {
  const folder = temporaryFolder();
  const server = await startServer({ foreverMode: true });
  await startClient(server, { numTasks: 2, template: `echo {% echo $$ >> ${folder}/@; test @ = quick || sleep 60 %}` });
  const { ids } = await server.submit(['slow']);
  await until(() => pidsIn(join(folder, 'slow')).length === 1);
  const began = performance.now();
  expect(await server.run('quick')).toMatchObject({ outcome: 'succeeded' });
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(await server.cancel(ids ?? [])).toBe(1);
  await until(() => pidsIn(join(folder, 'slow')).every((pid) => !isAlive(pid)), 'the end of the command');
  expect(await server.tasks.get(ids?.[0] ?? '')).toMatchObject({ outcome: 'cancelled' });
  expect(await server.run('quick')).toMatchObject({ outcome: 'succeeded' });
});

it('a client that is stopped ends the commands of its template', async () => {
  const folder = temporaryFolder();
  const server = await startServer({ foreverMode: true });
  const client = await startClient(server, { template: `echo {% echo $$ >> ${folder}/pids; sleep 60 %}` });
  await server.submit(['x']);
  await until(() => pidsIn(join(folder, 'pids')).length === 1, 'the start of the command');
  const [pid] = pidsIn(join(folder, 'pids'));
  await client.stop();
  expect(isAlive(pid ?? 0)).toBe(false);
});

it.each([
  ['{= 1 + =}', 'column 7'],
  ['do {% date', 'column 4'],
  ['{[::0]}', 'column 1'],
  ['{= import("fs") =}', 'column 4'],
])('a client refuses the template %s at once, at %s', async (template, place) => {
  const { error } = await failureOf(() => ClientThread.new({ template }));
  expect(error).toMatchObject({ code: 'ERR_TEMPLATE', message: expect.stringContaining(place) });
});

it('a submission evaluates expressions, and refuses at once what only a client can fill in', async () => {
  const server = await startServer({ foreverMode: true });
  const { ids } = await server.submit(['a.txt'], { template: "cat {} > {= stem(x) + '.out' =}" });
  expect((await server.tasks.get(ids?.[0] ?? ''))?.args).toBe('cat a.txt > a.out');
  for (const template of ['{% date %}', '{slot}', '{= 1 + =}']) {
    expect(await codeOf(() => server.submit(['x'], { template }))).toBe('ERR_TEMPLATE');
    expect(await codeOf(() => submitFile('/nowhere', { address: server.address, template }))).toBe('ERR_TEMPLATE');
  }
});

function jsonLines(lines: readonly unknown[]): string {
  const path = join(temporaryFolder(), 'tasks.jsonl');
  writeFileSync(path, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return path;
}

it('a file of JSON lines holds command lines, tasks with options, and fields for the template', async () => {
  const path = jsonLines([
    '"echo line # MILLRACE: sample:s0"',
    '',
    { args: 'x', sample: 's1', tags: { site: 'north' }, env: { RUN_MODE: 'fast' }, timeout: '1m' },
    { sample: 's2', run: 7 },
  ]);
  const { results } = await runAll(path, { template: "echo '{sample} {run} {site}' {++} $RUN_MODE; : '{}'" });
  expect(texts(results)).toEqual(['s0 {run} {site}', 's1 {run} north fast', 's2 7 {site}']);
  expect(results[2]?.command).toContain(`: '{"sample":"s2","run":7}'`);
  const { results: plain } = await runAll(jsonLines([{ args: 'echo "$RUN_MODE"', env: { RUN_MODE: 'slow' } }, { sample: 's2' }]));
  expect(plain[0]?.stdout.toString()).toBe('slow\n');
  expect(plain[1]).toMatchObject({
    outcome: 'failed',
    error: { code: 'ERR_TEMPLATE', message: expect.stringContaining('give a template') },
  });
});

it('a malformed line of JSON is rejected with its line and column, and the rest goes on, unless strict', async () => {
  const path = jsonLines(['{"args":"true"}', '{"args":"true",}', '{"args":"true","timeOut":5}', '"true"', '[1]']);
  const { summary, results } = await runAll(path);
  expect(summary).toMatchObject({ submitted: 5, succeeded: 2, rejected: 3 });
  expect(results.flatMap(({ error }) => error?.message.slice(0, 18) ?? [])).toEqual([
    'line 2: column 16:',
    'line 3: column 16:',
    'line 5: column 1: ',
  ]);
  const strict = runLocal(path, { strict: true });
  await expect(strict).rejects.toMatchObject({ code: 'ERR_JSON', message: expect.stringContaining('line 2: column 16:') });
  expect(readFileSync(path, 'utf8')).toContain('timeOut');
});
