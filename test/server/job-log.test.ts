import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { hostName } from '../../src/base/ids.ts';
import { JobLog, jobLogEntry } from '../../src/server/job-log.ts';
import { jobLogHeader } from '../../src/source/job-log.ts';
import type { AttemptEnd } from '../../src/store/store.ts';
import type { WireTask } from '../../src/task/task.ts';
import { attemptEnd } from '../store/samples.ts';
import { breakingPipe } from '../support/broken-pipe.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const clients = new Map([[1, { n: 1, id: 'the-client', host: 'node-7' }]]);
const task = (n: number): { n: number; wire: WireTask } => ({ n, wire: [0, `echo ${n}`, null, { place: n }] });

async function open(path: string, resume = false): Promise<JobLog> {
  return JobLog.open({
    path,
    resume,
    clock: systemClock,
    failed: (error) => {
      throw error;
    },
  });
}

it('has a line for each end, in their order, with the place in the source, or 0, which is the place of none', async () => {
  const path = join(temporaryFolder(), 'joblog');
  const log = await open(path);
  log.add(
    [task(41), { n: 2, wire: [0, 'x', null, null] }],
    [attemptEnd(2, { client: 1, extra: { stdout: 'é\n', command: 'echo two' } }), attemptEnd(1)],
    clients,
  );
  await log.close();
  expect(readFileSync(path, 'utf8')).toBe(
    `${jobLogHeader}41\tnode-7\t1700000001.000\t     0.013\t0\t3\t0\t0\techo two\n0\t${hostName()}\t1700000001.000\t     0.013\t0\t0\t0\t0\tx\n`,
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('gives whatever did not succeed an exit value or a signal', () => {
  const samples: [Partial<AttemptEnd>, exitValue: number, signal: number][] = [
    [{ outcome: 1, exitStatus: 0 }, 0, 0],
    [{ outcome: 1, exitStatus: null }, 0, 0],
    [{ outcome: 2, exitStatus: 3 }, 3, 0],
    [{ outcome: 2, exitStatus: null, extra: { signal: 'SIGKILL' } }, 0, 9],
    [{ outcome: 2, exitStatus: null, extra: { error: { name: 'E', message: '', code: null, stack: null } } }, 1, 0],
    [{ outcome: 4, exitStatus: 0 }, -1, 0],
    [{ outcome: 4, exitStatus: null, extra: { signal: 'SIGINT' } }, -1, 2],
    [{ outcome: 3, exitStatus: null, startedAt: null }, -1, 0],
    [{ outcome: 5, exitStatus: null, startedAt: null }, -1, 0],
    [{ outcome: 6, exitStatus: null, startedAt: null }, -1, 0],
  ];
  for (const [changes, exitValue, signal] of samples)
    expect(jobLogEntry([0, 'x', null, null], attemptEnd(1, changes), 'h')).toMatchObject({ exitValue, signal });
});

it('is begun anew, or gone on with after a line that was cut off', async () => {
  const path = join(temporaryFolder(), 'joblog');
  writeFileSync(path, `${jobLogHeader}1\tthis line is who`);
  const resumed = await open(path, true);
  resumed.add([task(2)], [attemptEnd(2)], clients);
  await resumed.close();
  await open(path, true).then((log) => log.close());
  const second = readFileSync(path, 'utf8');
  expect(second.startsWith(`${jobLogHeader}2\t`)).toBe(true);
  expect(second.split('\n')).toHaveLength(3);
  await (await open(path)).close();
  expect(readFileSync(path, 'utf8')).toBe(jobLogHeader);
  writeFileSync(path, 'no line break at all');
  await (await open(path, true)).close();
  expect(readFileSync(path, 'utf8')).toBe(jobLogHeader);
});

it('is written after a second, while the run goes on', async () => {
  const path = join(temporaryFolder(), 'joblog');
  const log = await open(path);
  log.add([task(1)], [attemptEnd(1)], clients);
  await until(() => readFileSync(path, 'utf8').includes('echo 1\n'), 'the line to be written', 5_000);
  log.add([task(2)], [attemptEnd(2)], clients);
  await log.close();
  expect(readFileSync(path, 'utf8')).toMatch(/echo 1\n2\t.*echo 2\n$/);
});

it('that cannot be opened is refused; one that cannot be written tells so once, and again when it is closed', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'taken'));
  for (const path of [join(folder, 'taken'), join(folder, 'nowhere', 'joblog')])
    await expect(open(path)).rejects.toMatchObject({ code: 'ERR_JOB_LOG' });
  const told: unknown[] = [];
  const { path, breakOff } = breakingPipe();
  const log = await JobLog.open({ path, resume: false, clock: systemClock, failed: (error) => void told.push(error) });
  breakOff();
  for (let i = 0; i < 3; i++) log.add([task(1)], [attemptEnd(1)], clients);
  await expect(log.close()).rejects.toMatchObject({ code: 'ERR_JOB_LOG', message: expect.stringMatching(/EPIPE/) });
  expect(told).toHaveLength(1);
});
