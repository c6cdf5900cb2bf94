import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { expectNoLeaks, leftBehind, traces } from './leaks.ts';
import { temporaryFolder } from './temporary.ts';
import { until } from './until.ts';

expectNoLeaks();

it('a child process, a listener, a thread and a folder that live on are each named, and no more once they are gone', async () => {
  const before = traces();
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const server = createServer().listen(0, '127.0.0.1');
  const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
  const folder = temporaryFolder();
  await Promise.all([once(child, 'spawn'), once(server, 'listening'), once(worker, 'online')]);

  const left = leftBehind(before, traces()).join(', ');
  expect(left).toContain(`child process ${child.pid}`);
  expect(left).toContain('TCPServerWrap');
  expect(left).toContain(`worker thread ${worker.threadId}`);
  expect(left).toContain(folder.split(/[\\/]/).at(-1));

  child.kill();
  server.close();
  await Promise.all([once(child, 'exit'), worker.terminate()]);
  await until(() => leftBehind(before, traces()).length === 1);
});

it('waiting for what never comes fails with what was last seen', async () => {
  await expect(until(() => 0, 'the number', 20)).rejects.toThrow(/the number did not come true within 20 ms; last seen: 0/);
  await expect(
    until(
      () => {
        throw new Error('not yet');
      },
      'it',
      20,
    ),
  ).rejects.toThrow(/not yet/);
  expect(await until(async () => 'there')).toBe('there');
});
