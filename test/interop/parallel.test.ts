/** The same file of command lines through GNU parallel and through the library: each line has the same outputs and the same status. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it, vi } from 'vitest';
import { runLocal, type TaskResult } from '../../dist/index.js';
import { temporaryFolder } from '../support/temporary.ts';

/** Its name, and that of its Debian package. */
const program = 'parallel';

vi.setConfig({ testTimeout: 60_000 });

beforeAll(() => {
  let version = '';
  try {
    version = execFileSync(program, ['--version'], { encoding: 'utf8' });
  } catch {
    // Not there: said below.
  }
  if (!version.startsWith('GNU parallel')) throw new Error('GNU parallel is missing; install it: apt-get install -y parallel');
});

/** Kinds of lines that both take as one command of sh; `n` makes each line its own. */
const kinds: readonly ((n: number) => string)[] = [
  (n) => `echo line ${n}`,
  (n) => `printf 'no newline %s' ${n}`,
  (n) => `echo out ${n}; echo err ${n} >&2`,
  (n) => `exit ${n % 128}`,
  (n) => `echo "quoted  ${n}" 'single  ${n}' back\\\\slash`,
  (n) => `printf 'a b\\nc %s\\n' ${n} | awk '{print $2}'`,
  (n) => `for i in 1 2 3; do echo "$i-${n}"; done | sort -r`,
  (n) => `sh -c 'exit ${(n % 7) + 1}'`,
  (n) => `echo '# no comment ${n}' # a comment`,
  (n) => `printf '\\377\\000${n}\\n'`,
  (n) => `echo $((${n} * ${n}))`,
  (n) => `no-such-command-${n} 2>/dev/null`,
  (n) => `set -e; false; echo never ${n}`,
  (n) => `X=${n}; export X; sh -c 'echo "$X"'`,
  (n) => `echo "größer 🙂 ${n}"`,
  (n) => `test ${n} -gt 100`,
  (n) => `(echo sub ${n}; exit 4)`,
  (n) => `seq 1 ${n} | wc -l | tr -d ' '`,
  (n) => `echo ${n} >&2; exit 2`,
  (n) => `true && echo yes ${n} || echo no ${n}`,
];

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** What GNU parallel makes of the file: each job's outputs from `--results`, its status from the job log. */
async function byParallel(path: string, folder: string, count: number): Promise<Outcome[]> {
  const log = join(folder, 'joblog');
  const results = join(folder, 'results');
  mkdirSync(results);
  const run = promisify(execFile)(
    program,
    ['--plain', '--will-cite', '-j2', '--joblog', log, '--results', `${results}/{#}`, '--arg-file', path],
    { env: { ...process.env, PARALLEL_SHELL: '/bin/sh', SHELL: '/bin/sh' }, maxBuffer: 2 ** 26 },
  );
  // Its own status is the number of failed jobs.
  await run.catch((error: { code?: unknown }) => expect(error.code).toEqual(expect.any(Number)));
  const statuses = new Map<number, number>();
  for (const line of readFileSync(log, 'utf8').split('\n').slice(1)) {
    const fields = line.split('\t');
    if (fields.length > 6) statuses.set(Number(fields[0]), Number(fields[6]));
  }
  return Array.from({ length: count }, (_, i) => ({
    stdout: readFileSync(`${results}/${i + 1}`, 'latin1'),
    stderr: readFileSync(`${results}/${i + 1}.err`, 'latin1'),
    status: statuses.get(i + 1) ?? null,
  }));
}

async function byMillrace(path: string): Promise<Outcome[]> {
  const results: TaskResult[] = [];
  await runLocal(path, { numTasks: 2, onResult: (result) => void results.push(result) });
  results.sort((a, b) => (a.id < b.id ? -1 : 1));
  return results.map(({ stdout, stderr, exitStatus }) => ({
    stdout: stdout.toString('latin1'),
    stderr: stderr.toString('latin1'),
    status: exitStatus,
  }));
}

it('240 lines give the same outputs and statuses, line by line', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'lines');
  const lines = Array.from({ length: 240 }, (_, n) => kinds[n % kinds.length]?.(n) ?? '');
  writeFileSync(path, `${lines.join('\n')}\n`);
  const [theirs, ours] = [await byParallel(path, folder, lines.length), await byMillrace(path)];
  expect(ours).toHaveLength(lines.length);
  lines.forEach((line, i) => {
    expect(ours[i], line).toEqual(theirs[i]);
  });
  expect(new Set(ours.map(({ status }) => status)).size).toBeGreaterThan(10);
});

it('the job log of one is resumed by the other', async () => {
  const folder = temporaryFolder();
  const [path, marks] = [join(folder, 'lines'), join(folder, 'marks')];
  mkdirSync(marks);
  const lines = Array.from({ length: 30 }, (_, n) => `echo x >> ${marks}/${n + 1}; exit ${n % 10 === 0 ? 1 : 0}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  const runs = (): number[] =>
    lines.map((_, n) => (existsSync(`${marks}/${n + 1}`) ? readFileSync(`${marks}/${n + 1}`, 'utf8').length / 2 : 0));
  const gnu = async (log: string, ...options: string[]): Promise<void> => {
    const all = ['--plain', '--will-cite', '-j2', '--joblog', log, ...options, '--arg-file', path];
    await promisify(execFile)(program, all, { env: { ...process.env, PARALLEL_SHELL: '/bin/sh', SHELL: '/bin/sh' } }).catch(
      ({ code, stderr }: { code?: unknown; stderr?: string }) => {
        expect(stderr).toBe('');
        expect(code).toBe(3);
      },
    );
  };
  const once = lines.map(() => 1);
  const ours = join(folder, 'ours');
  await runLocal(path, { numTasks: 2, joblog: ours });
  expect(runs()).toEqual(once);
  await gnu(ours, '--resume');
  expect(runs()).toEqual(once);
  await gnu(ours, '--resume-failed');
  const failedTwice = once.map((_, n) => (n % 10 === 0 ? 2 : 1));
  expect(runs()).toEqual(failedTwice);
  const theirs = join(folder, 'theirs');
  await gnu(theirs);
  await runLocal(path, { numTasks: 2, joblog: theirs, resume: true });
  expect(runs()).toEqual(failedTwice.map((count) => count + 1));
  await runLocal(path, { numTasks: 2, joblog: theirs, resume: 'failed' });
  expect(runs()).toEqual(failedTwice.map((count, n) => count + (n % 10 === 0 ? 2 : 1)));
  await gnu(theirs, '--resume');
  expect(runs()).toEqual(failedTwice.map((count, n) => count + (n % 10 === 0 ? 2 : 1)));
});
