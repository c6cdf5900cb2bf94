/** The queue of slots before an executor that throws, fails, ends, or is never opened. */
import { expect, test } from 'vitest';
import { MillraceError } from '../../../../src/base/errors.ts';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers } from '../../../../src/client/executor.ts';
import { Run } from '../../../../src/client/executors/function/run.ts';
import { CodeFiles } from '../../../../src/client/executors/graph/code-files.ts';
import { FunctionTasks } from '../../../../src/client/executors/graph/function-tasks.ts';
import { type QueuedExecution, SlotQueue } from '../../../../src/client/executors/graph/slot-queue.ts';
import type { GraphExecution } from '../../../../src/client/graph-task-runner.ts';
import { VirtualClock } from '../../../../src/testing/clock.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

class Opened implements Executor {
  readonly handlers: ExecutorHandlers;
  /** By slot: what it was given last. */
  readonly given: Map<number, readonly Execution[]> = new Map();
  isClosed = false;

  constructor(handlers: ExecutorHandlers) {
    this.handlers = handlers;
  }

  start(slot: number, executions: readonly Execution[]): void {
    this.given.set(slot, executions);
  }

  end(slot: number, endOf = ended): void {
    const executions = this.given.get(slot)!;
    this.given.delete(slot);
    this.handlers.ended(slot, executions.map(endOf), true);
  }

  signal(): void {}

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function ended({ key }: Pick<Execution, 'key'>): ExecutionEnd {
  return { key, outcome: 'succeeded', exitStatus: 0, startedAt: 1, durationMs: 2, extra: null };
}

function setting(slots: number): { queue: SlotQueue; opened: Opened[] } {
  const opened: Opened[] = [];
  const open = (handlers: ExecutorHandlers): Executor => {
    opened.push(new Opened(handlers));
    return opened.at(-1)!;
  };
  return { queue: new SlotQueue({ slots, clock: new VirtualClock(), patience: 1_000, open }), opened };
}

const bare = { id: 'x', attempt: 1, command: 'm#f', input: null, env: {}, cwd: null };
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Begins so many; what was told of them, by name. */
function begin(queue: SlotQueue, name: string, count: number, told: string[], whenEnded = (_: number): void => {}): void {
  const queued = Array.from(
    { length: count },
    (_, at): QueuedExecution => ({
      execution: bare,
      ended: () => {
        told.push(`${name}${at} ended`);
        whenEnded(at);
      },
      returned: () => void told.push(`${name}${at} returned`),
      failed: (error) => void told.push(`${name}${at} ${MillraceError.from(error).code}`),
    }),
  );
  queue.start(queued, () => void told.push(`${name} over`));
}

test('all ends are told and the slot is free when one that hears of them throws, and the executor hears of that', async () => {
  const { queue, opened } = setting(1);
  const told: string[] = [];
  begin(queue, 'a', 3, told, (at) => {
    if (at === 0) throw new Error('not to be removed');
  });
  begin(queue, 'b', 1, told);
  await settled();
  expect(() => opened[0]!.end(0)).toThrow('not to be removed');
  expect(told).toEqual(['a0 ended', 'a1 ended', 'a2 ended', 'a over']);
  opened[0]!.end(0);
  expect(told.slice(4)).toEqual(['b0 ended', 'b over']);
});

test('an executor that has failed is closed and heard no more, and the next call has all slots of another', async () => {
  const { queue, opened } = setting(2);
  const told: string[] = [];
  for (const name of ['a', 'b', 'c']) begin(queue, name, 1, told);
  await settled();
  const [first] = opened;
  first!.handlers.failed(new MillraceError('ERR_THREAD', 'no threads'));
  expect(first!.isClosed).toBe(true);
  expect(told.sort()).toEqual(['a over', 'a0 ERR_THREAD', 'b over', 'b0 ERR_THREAD', 'c over', 'c0 ERR_THREAD']);
  told.length = 0;
  for (const name of ['d', 'e']) begin(queue, name, 1, told);
  await settled();
  expect([...opened[1]!.given.keys()].sort()).toEqual([0, 1]);
  first!.end(0);
  first!.handlers.failed(new MillraceError('ERR_THREAD', 'again'));
  expect(told).toEqual([]);
  opened[1]!.end(0);
  opened[1]!.end(1);
  expect(told).toEqual(['d0 ended', 'd over', 'e0 ended', 'e over']);
});

test.each(['opened', 'never opened'])('a queue that is closed fails what comes after, where its executor was %s', async (what) => {
  const { queue, opened } = setting(1);
  const told: string[] = [];
  if (what === 'opened') begin(queue, 'a', 1, told);
  await settled();
  await queue.close();
  told.length = 0;
  begin(queue, 'b', 2, told);
  expect(told).toEqual(['b0 ERR_ENDED', 'b1 ERR_ENDED', 'b over']);
  await expect(queue.run(bare, { signal: new AbortController().signal, timeout: null })).rejects.toThrow('the client ends');
  await settled();
  expect(opened.map(({ isClosed }) => isClosed)).toEqual(what === 'opened' ? [true] : []);
});

test.each([
  { what: 'a call that ends', endOf: ended, times: [1, 2] },
  { what: 'a call whose thread dies', endOf: (of: Execution) => new Run([of]).casualty(0, 'it is gone', 5), times: [undefined, undefined] },
  { what: 'a call whose thread is killed', endOf: (of: Execution) => new Run([of]).casualty(0, null, 5), times: [undefined, undefined] },
])('the times of $what are told as far as anybody knows them', async ({ endOf, times }) => {
  const { queue, opened } = setting(1);
  const content = { bytes: Buffer.from('export {};'), path: null };
  const code = { object: 1, label: null, kind: 'blob', contentType: null, size: 10, content, attributes: null, info: null } as const;
  const execution: Partial<GraphExecution> = {
    session: 1,
    task: 2,
    name: 'f',
    attributes: null,
    config: null,
    inputs: [code],
    outputs: [],
    sandboxPath: () => '/nowhere',
    sandboxUnmade: () => {},
    whenAborted: () => {},
  };
  const codes = new CodeFiles(temporaryFolder());
  const told: unknown[] = [];
  new FunctionTasks(codes, queue).call([execution as GraphExecution], {
    ended: (_at, _outcome, startedAt, durationMs) => void told.push(startedAt, durationMs),
    returned: () => {},
    over: () => {},
  });
  await settled();
  opened[0]!.end(0, endOf as typeof ended);
  expect(told).toEqual(times);
});
