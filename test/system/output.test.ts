import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ClientThread, type MillraceError, runLocal, type TaskLine } from '../../dist/index.js';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, runAll, startClient, startPair, startServer } from './rig.ts';

/** A stream that keeps what it gets and takes it only so fast. */
function sink(ms = 0): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      if (ms === 0) done();
      else setTimeout(done, ms);
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

/** The folder of a client whose results name this file. */
function removeSpool(path: string): void {
  rmSync(dirname(dirname(path)), { recursive: true });
}

it('a function as capture gets each line of each command, whole and in order, and all of a task before its result', async () => {
  const lines: TaskLine[] = [];
  const told = new Map<string, number>();
  const commands = Array.from(
    { length: 40 },
    (_, i) => `for n in 1 2 3; do echo "${i} $n"; echo "${i} err $n" >&2; done; printf "${i} last"`,
  );
  const { results } = await runAll(commands, {
    numTasks: 4,
    capture: (line) => void lines.push(line),
    onResult: (result) => void told.set(result.id, lines.filter(({ id }) => id === result.id).length),
  });
  expect(results).toEqual([]);
  expect(told.size).toBe(40);
  expect([...told.values()]).toEqual(Array.from({ length: 40 }, () => 7));
  const ids = [...told.keys()].sort();
  ids.forEach((id, i) => {
    const of = (stream: string): string[] => lines.filter((line) => line.id === id && line.stream === stream).map(({ line }) => line);
    expect(of('stdout')).toEqual([`${i} 1`, `${i} 2`, `${i} 3`, `${i} last`]);
    expect(of('stderr')).toEqual([`${i} err 1`, `${i} err 2`, `${i} err 3`]);
  });
  expect(lines[0]).toMatchObject({ attempt: 1, slot: expect.any(Number) });
});

it('with lines told, the output of a result is empty and its status is what it was', async () => {
  const { results } = await runAll(['echo a; exit 3'], { capture: () => {} });
  expect(results).toMatchObject([{ outcome: 'failed', exitStatus: 3, truncated: false }]);
  expect([results[0]!.stdout.length, results[0]!.stderr.length]).toEqual([0, 0]);
});

it('calls the function for one line at a time and waits for what it promises', async () => {
  let open = 0;
  let most = 0;
  await runAll(['seq 10', 'seq 10'], {
    capture: async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 2));
      open--;
    },
  });
  expect([open, most]).toEqual([0, 1]);
});

it('a function that throws ends the client with what it threw, and the task is not recorded', async () => {
  const thrown = new RangeError('enough');
  const results: unknown[] = [];
  const { error } = await failureOf(() =>
    runLocal(['echo a', 'echo b'], {
      numTasks: 1,
      capture: () => {
        throw thrown;
      },
      onResult: (result) => void results.push(result),
    }),
  );
  expect(error).toBe(thrown);
  expect(results).toEqual([]);
});

it('a command that writes 200 MB to a slow function is held, and the memory of the process with it', async () => {
  const server = await startServer({ source: ['yes | head -c 200M'] });
  let lines = 0;
  const before = process.memoryUsage().rss;
  const client = await startClient(server, {
    capture: async () => {
      if (++lines % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  });
  await until(() => lines > 20_000, 'lines come', 20_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  await client.stop();
  await server.stop();
}, 30_000);

it('a stop does not wait for a function that never answers', async () => {
  const { server, client } = await startPair({ source: ['echo a'] }, { capture: () => new Promise(() => {}) });
  await until(async () => (await server.progress()).running === 1, 'the command runs');
  const start = performance.now();
  await client.stop();
  expect(performance.now() - start).toBeLessThan(3_000);
});

it('a reader that is slow does not make a task time out that has ended in time', async () => {
  // The command has ended long before its time, its lines are taken after it.
  const { results } = await runAll(['echo a; echo b; echo c'], {
    taskTimeout: 2,
    capture: () => new Promise((resolve) => setTimeout(resolve, 800)),
  });
  expect(results.map(({ outcome }) => outcome)).toEqual(['succeeded']);
});

it('redirectOutput and redirectErrors give a stream the whole output of each task, one after the other in the order of their ending', async () => {
  const [out, err] = [sink(1), sink()];
  const commands = Array.from({ length: 12 }, (_, i) => `for n in 1 2 3 4 5; do echo ${i}; echo e${i} >&2; sleep 0.01; done`);
  const { results } = await runAll(commands, { numTasks: 4, redirectOutput: out.stream, redirectErrors: err.stream });
  expect(results.map(({ stdout }) => stdout.toString())).toEqual(commands.map((_, i) => `${i}\n`.repeat(5)));
  for (const [text, prefix] of [
    [out.text(), ''],
    [err.text(), 'e'],
  ] as const) {
    const blocks = text.match(/(?:^[^\n]*\n)(?:\n)?/gm)!;
    expect(blocks.length).toBe(60);
    const groups = Array.from({ length: 12 }, (_, i) => new Set(blocks.slice(i * 5, i * 5 + 5)));
    expect(groups.every(({ size }) => size === 1)).toBe(true);
    expect([...new Set(blocks)].sort()).toEqual(commands.map((_, i) => `${prefix}${i}\n`).sort());
  }
  expect(out.stream.writableEnded).toBe(false);
  expect(out.stream.listenerCount('error')).toBe(0);
});

it.each(['result', 'files', 'none'] as const)('with capture %s redirected output larger than captureLimit is complete', async (capture) => {
  const path = join(temporaryFolder(), 'out.txt');
  const { results } = await runAll(['seq 200000', 'echo end'], { numTasks: 1, capture, captureLimit: 1000, redirectOutput: path });
  expect(results.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded']);
  expect(readFileSync(path, 'utf8')).toBe(`${Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join('')}end\n`);
  if (capture === 'files') removeSpool(results[0]!.stdoutPath!);
});

it('lines are told and whole outputs redirected at once', async () => {
  const lines: string[] = [];
  const out = sink();
  await runAll(['seq 3; printf end'], { capture: ({ line }) => void lines.push(line), redirectOutput: out.stream });
  expect(lines).toEqual(['1', '2', '3', 'end']);
  expect(out.text()).toBe('1\n2\n3\nend');
});

it('a file that is redirected to is appended to, and made for its user alone', async () => {
  const path = join(temporaryFolder(), 'both.txt');
  await runAll(['echo a; echo b >&2'], { redirectOutput: path, redirectErrors: path });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await runAll(['echo c'], { redirectOutput: path });
  expect(readFileSync(path, 'utf8')).toBe('a\nb\nc\n');
});

it.each(['pipe', 'file'] as const)('/dev/stdout can be redirected to where it is a %s', async (kind) => {
  const options = { numTasks: 1, redirectOutput: '/dev/stdout', redirectErrors: '/dev/stderr', redirectFailures: '/dev/stdout' };
  const code = `import { runLocal } from './dist/index.js'; await runLocal(['echo out; echo err >&2', 'exit 3'], ${JSON.stringify(options)});`;
  const folder = temporaryFolder();
  const files = ['out', 'err'].map((name) => join(folder, name));
  const handles = kind === 'file' ? files.map((path) => openSync(path, 'w')) : ['pipe' as const, 'pipe' as const];
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', handles[0]!, handles[1]!],
  });
  const texts = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => {
    texts[0] += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    texts[1] += chunk.toString();
  });
  const [status] = (await once(child, 'close')) as [number];
  for (const handle of handles) if (typeof handle === 'number') closeSync(handle);
  expect(status).toBe(0);
  expect(kind === 'file' ? files.map((path) => readFileSync(path, 'utf8')) : texts).toEqual(['out\nexit 3\n', 'err\n']);
});

it('300 MB for a slow stream cross in bounded memory', async () => {
  let bytes = 0;
  let first = 0;
  let most = 0;
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      bytes += chunk.length;
      first ||= process.memoryUsage().rss;
      most = Math.max(most, process.memoryUsage().rss);
      setTimeout(done, 1);
    },
  });
  await runAll(
    Array.from({ length: 6 }, () => 'head -c 50M /dev/zero'),
    { captureLimit: 10, redirectOutput: stream },
  );
  expect(bytes).toBe(300 * 2 ** 20);
  expect(most - first).toBeLessThan(120 * 2 ** 20);
}, 30_000);

it('a stream that cannot be written, or has ended, ends the client with ERR_REDIRECT', async () => {
  const broken = new Writable({ write: (_chunk, _, done) => done(new Error('full')) });
  const { error } = await failureOf(() => runLocal(['echo a', 'echo b'], { redirectOutput: broken }));
  expect([error.code, error.message]).toEqual(['ERR_REDIRECT', expect.stringContaining('full')]);
  const ended = new Writable({ write: (_chunk, _, done) => done() });
  ended.end();
  expect((await failureOf(() => runLocal(['echo a >&2'], { redirectErrors: ended }))).error.code).toBe('ERR_REDIRECT');
});

it('a client whose file cannot be opened does not start', async () => {
  const server = await startServer({ foreverMode: true });
  const path = join(temporaryFolder(), 'missing', 'out.txt');
  const { error } = await failureOf(() => ClientThread.new({ address: server.address, redirectErrors: path }));
  expect(error).toMatchObject({ code: 'ERR_REDIRECT', message: expect.stringContaining(path) } satisfies Partial<MillraceError>);
});

it('a full disk under redirected output ends the client with ERR_REDIRECT', async () => {
  const { error } = await failureOf(() => runLocal(['echo a'], { redirectOutput: '/dev/full' }));
  expect([error.code, error.message]).toEqual(['ERR_REDIRECT', expect.stringContaining('/dev/full')]);
});

it('with capture files a command finds the paths of its files in TASK_OUTPATH and TASK_ERRPATH, and its result names the same', async () => {
  const { results } = await runAll(['echo "$TASK_OUTPATH|$TASK_ERRPATH"'], { capture: 'files' });
  const { stdoutPath, stderrPath, clientHost } = results[0]!;
  expect(readFileSync(stdoutPath!, 'utf8')).toBe(`${stdoutPath}|${stderrPath}\n`);
  expect(clientHost).toEqual(expect.any(String));
  removeSpool(stdoutPath!);
  const { results: others } = await runAll(['env | grep -c ^TASK_OUTPATH=']);
  expect(others[0]!.stdout.toString()).toBe('0\n');
});
