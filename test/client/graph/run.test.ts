import { expect, onTestFinished, test, vi } from 'vitest';
import { MillraceError } from '../../../src/base/errors.ts';
import { GraphRun } from '../../../src/client/graph/run.ts';
import { ObjectStore } from '../../../src/client/graph/store.ts';
import type { GraphExecution } from '../../../src/client/graph-task-runner.ts';

/** A run that has begun, and what its runner was given. */
function begun(): { run: GraphRun; execution: GraphExecution } {
  const store = new ObjectStore('/nowhere');
  onTestFinished(() => store.close());
  const run = new GraphRun([1, 1, 10, 'test', null, [], [], null], { store, progress: () => {}, spoiled: () => {} });
  return { run, execution: run.prepare() };
}

test('the signal of a task that nobody asks for is not made', () => {
  let made = 0;
  vi.stubGlobal(
    'AbortController',
    class extends AbortController {
      constructor() {
        super();
        made++;
      }
    },
  );
  onTestFinished(() => void vi.unstubAllGlobals());
  const { run, execution } = begun();
  run.abort(new MillraceError('ERR_ABORTED', 'the task was stopped'));
  expect(made).toBe(0);
  expect(execution.signal).toBe(execution.signal);
  expect(made).toBe(1);
});

test('a task that was stopped has an aborted signal, whether it asked for it before or asks after', () => {
  const error = new MillraceError('ERR_ABORTED', 'the task was stopped');
  const [early, late] = [begun(), begun()];
  const { signal } = early.execution;
  expect(signal.aborted).toBe(false);
  early.run.abort(error);
  late.run.abort(error);
  expect([signal.reason, late.execution.signal.reason]).toEqual([error, error]);
  expect(late.execution.signal.aborted).toBe(true);
});
