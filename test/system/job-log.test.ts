/** The job log of a run, as GNU parallel would write it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { runLocal, serveFrom } from '../../dist/index.js';
import { breakingPipe } from '../support/broken-pipe.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, functions, startClient, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

interface Line {
  readonly seq: number;
  readonly host: string;
  readonly start: number;
  readonly runtime: number;
  readonly received: number;
  readonly exit: number;
  readonly signal: number;
  readonly command: string;
}

function linesOf(path: string): Line[] {
  const [header, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(header).toBe('Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand');
  return lines
    .map((line) => line.split('\t'))
    .map(([seq, host, start, runtime, sent, received, exit, signal, ...command]) => {
      expect(start).toMatch(/^\d{10}\.\d{3}$/);
      expect(runtime).toMatch(/^ {0,5}\d{1,6}\.\d{3}$/);
      expect(sent).toBe('0');
      return {
        seq: Number(seq),
        host: host as string,
        start: Number(start),
        runtime: Number(runtime),
        received: Number(received),
        exit: Number(exit),
        signal: Number(signal),
        command: command.join('\t'),
      };
    })
    .sort((a, b) => a.seq - b.seq);
}

it('has a line for each task, whatever became of it', async () => {
  const joblog = join(temporaryFolder(), 'joblog');
  const begin = Date.now() / 1_000;
  await runLocal(
    [
      'echo 12',
      'exit 3',
      'kill -9 $$',
      { args: 'sleep 60', timeout: 0.2 },
      'printf "a\tb"\necho c',
      { module: functions, name: 'add', args: [1, 2] },
    ],
    { joblog, numTasks: 2, taskSignalwait: 0.2 },
  );
  const lines = linesOf(joblog);
  expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(lines.slice(0, 5)).toMatchObject([
    { exit: 0, signal: 0, received: 3, command: 'echo 12' },
    { exit: 3, signal: 0, received: 0, command: 'exit 3' },
    { exit: 0, signal: 9, received: 0 },
    { exit: -1, command: 'sleep 60' },
    { exit: 0, signal: 0, received: 5, command: 'printf "a\tb"\0echo c' },
  ]);
  expect(lines[5]!.command).toMatch(/functions\.mjs#add$/);
  expect(lines[3]!.runtime).toBeGreaterThanOrEqual(0.2);
  for (const { host, start } of lines) {
    expect(host).not.toBe('');
    expect(start).toBeGreaterThanOrEqual(Math.floor(begin));
  }
});

it('is readable while the run goes on', async () => {
  const joblog = join(temporaryFolder(), 'joblog');
  const server = await startServer({ foreverMode: true, joblog });
  await startClient(server);
  await server.run('echo 1');
  await until(() => readFileSync(joblog, 'utf8').includes('echo 1'), 'the line', 5_000);
});

it('that cannot be opened refuses the server; one that cannot be written ends the run', async () => {
  const folder = temporaryFolder();
  expect(
    (await failureOf(() => serveFrom(['true'], { address: ['localhost', 0], joblog: join(folder, 'nowhere', 'log') }))).error,
  ).toMatchObject({
    code: 'ERR_JOB_LOG',
  });
  const { path, breakOff } = breakingPipe();
  // What ends later than the first is written when nobody takes it any more.
  const { error, ms } = await failureOf(() =>
    runLocal(['true', 'sleep 0.5', 'sleep 60'], { joblog: path, numTasks: 3, taskSignalwait: 0.2, onResult: breakOff }),
  );
  expect(error).toMatchObject({ code: 'ERR_JOB_LOG' });
  expect(ms).toBeLessThan(10_000);
});
