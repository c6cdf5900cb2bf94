/** What a thread has started goes with it, however quickly the thread is gone. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { endWithChildren, ownThread } from '../../../../src/client/executors/function/thread-children.ts';
import { isAlive } from '../../../support/processes.ts';
import { until } from '../../../support/until.ts';

/** Starts a process that does not end by itself, and tells its number and that of its own thread. */
const program = `
  const { parentPort } = require('node:worker_threads');
  const { readlinkSync } = require('node:fs');
  const { pid } = require('node:child_process').spawn('sleep', ['600'], { stdio: 'ignore' });
  parentPort.postMessage({ pid, thread: Number(readlinkSync('/proc/thread-self').split('/').pop()) });
`;

it('a thread that is gone by the time that its children are killed leaves none', async () => {
  if (process.platform !== 'linux') {
    expect(ownThread()).toBe(0);
    return;
  }
  const worker = new Worker(program, { eval: true });
  const [{ pid, thread }] = (await once(worker, 'message')) as [{ pid: number; thread: number }];
  expect(isAlive(pid)).toBe(true);
  await endWithChildren([0, thread], () => {
    const gone = worker.terminate();
    while (existsSync(`/proc/self/task/${thread}`)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    return gone;
  });
  await until(() => !isAlive(pid));
});
