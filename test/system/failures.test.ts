import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { runLocal, ServerThread } from '../../dist/index.js';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, pidsIn, runAll, startPair, startProgram, startServer } from './rig.ts';

it('redirectFailures appends the line of each task that did not succeed to a file, once, in order, and of no other', async () => {
  const path = join(temporaryFolder(), 'failures.txt');
  const source = ['true', 'exit 1', 'echo ok', 'sleep 30 # HYPERSHELL: timeout:0.1', 'exit 3', 'false # HYPERSHELL: cores:bad'];
  const { summary } = await runAll(source, { numTasks: 1, maxRetries: 2, redirectFailures: path });
  expect([summary.failed, summary.timedOut, summary.rejected, summary.succeeded]).toEqual([2, 1, 1, 2]);
  expect(readFileSync(path, 'utf8').trimEnd().split('\n').sort()).toEqual(
    ['exit 1', 'exit 3', 'false # HYPERSHELL: cores:bad', 'sleep 30'].sort(),
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('the file of failures can be served again', async () => {
  const folder = temporaryFolder();
  const [path, again] = [join(folder, 'failures.txt'), join(folder, 'again.txt')];
  const mark = join(folder, 'mark');
  const commands = [`test -e ${mark}`, 'true', `cat ${mark}`];
  await runAll(commands, { redirectFailures: path });
  writeFileSync(mark, '');
  const { summary } = await runAll(path, { redirectFailures: again });
  expect([summary.submitted, summary.succeeded]).toEqual([2, 2]);
  expect(readFileSync(again, 'utf8')).toBe('');
});

it('a function gets the line of each failure, and all of them before join resolves', async () => {
  const failed: string[] = [];
  const commands = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 'true' : `exit ${i}`));
  await runAll(commands, { redirectFailures: (args) => void failed.push(args) });
  expect(failed.sort()).toEqual(commands.filter((command) => command !== 'true').sort());
});

it('a stream gets a line for each failure, is waited for, and is not ended', async () => {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      setTimeout(() => {
        text += chunk.toString();
        done();
      }, 50);
    },
  });
  await runAll(['exit 1', 'true', 'exit 2'], { numTasks: 1, redirectFailures: stream });
  expect(text).toBe('exit 1\nexit 2\n');
  expect(stream.writableEnded).toBe(false);
  expect(stream.listenerCount('error')).toBe(0);
});

it('a cancelled task is no failure', async () => {
  const failed: string[] = [];
  const { server } = await startPair({ redirectFailures: (args) => void failed.push(args) });
  const running = server.run('sleep 30');
  const { ids } = await server.submit(['exit 1']);
  await until(async () => (await server.progress()).running === 1, 'the first runs');
  await server.cancel({ state: 'running' });
  expect((await running).outcome).toBe('cancelled');
  await server.run('true');
  await server.stop({ drain: true });
  await server.join();
  expect(ids).toHaveLength(1);
  expect(failed).toEqual(['exit 1']);
});

it('a task that was lost with its clients for good is a failure', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const command = `echo $$ >> ${pids}; exec sleep 600`;
  const failed: string[] = [];
  const redirectFailures = (args: string): void => void failed.push(args);
  const server = await startServer({ source: [command], maxLosses: 1, reconnectGrace: 0.1, evictAfter: 2, redirectFailures });
  const client = startProgram('work.mjs', { address: server.address });
  await until(() => pidsIn(pids).length === 1, 'the command runs');
  await client.kill();
  expect([(await server.join(20)).lost, failed]).toEqual([1, [command]]);
});

it('a path that cannot be opened keeps the server from starting, with ERR_REDIRECT', async () => {
  const path = join(temporaryFolder(), 'missing', 'failures.txt');
  const { error } = await failureOf(() => ServerThread.new({ address: ['localhost', 0], redirectFailures: path }));
  expect([error.code, error.message]).toEqual(['ERR_REDIRECT', expect.stringContaining(path)]);
  expect(existsSync(path)).toBe(false);
});

it('a file or stream of failures that cannot be written ends the run with ERR_REDIRECT, and a function that throws with what it threw', async () => {
  const full = await failureOf(() => runLocal(['exit 1', 'sleep 1'], { redirectFailures: '/dev/full' }));
  expect([full.error.code, full.error.message]).toEqual(['ERR_REDIRECT', expect.stringContaining('/dev/full')]);
  const broken = new Writable({ write: (_chunk, _, done) => done(new Error('gone')) });
  const gone = await failureOf(() => runLocal(['exit 1'], { redirectFailures: broken }));
  expect([gone.error.code, gone.error.message]).toEqual(['ERR_REDIRECT', expect.stringContaining('gone')]);
  const thrown = new RangeError('mine');
  const { error } = await failureOf(() =>
    runLocal(['exit 1'], {
      redirectFailures: () => {
        throw thrown;
      },
    }),
  );
  expect(error).toBe(thrown);
});
