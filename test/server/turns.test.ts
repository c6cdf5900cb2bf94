import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Deferred, deferred } from '../../src/base/deferred.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { parseServerOptions } from '../../src/config/server.ts';
import { Changes } from '../../src/server/changes.ts';
import { ServerCore } from '../../src/server/core/core.ts';
import { coreOptions } from '../../src/server/options.ts';
import { type RequestContext, requestHandlers } from '../../src/server/requests.ts';
import { Turns } from '../../src/server/turns.ts';
import { MemoryStore } from '../../src/store/memory/adapter.ts';
import type { Writes } from '../../src/store/store.ts';
import { taskId } from '../../src/task/id.ts';
import { handClock } from '../support/hand-clock.ts';
import { until } from '../support/until.ts';
import { shell } from './core/harness.ts';

/** A store whose commits the test lets go on, or fail. */
class HeldStore extends MemoryStore {
  held: Deferred<void>[] = [];

  override commit(writes: Writes): Promise<void> {
    const held = deferred<void>();
    this.held.push(held);
    return held.promise.then(() => super.commit(writes)) as Promise<void>;
  }
}

let store: HeldStore;
let core: ServerCore;
let turns: Turns;
let hand: ReturnType<typeof handClock>;

beforeEach(() => {
  store = new HeldStore({ count: 1e9, age: 1e12, now: () => 0, salt: '000000000' });
  core = new ServerCore(coreOptions({ config: parseServerOptions({}).config, expectSource: true, onlyClients: null }), store.recover(), {
    now: 0,
    wall: 0,
  });
  hand = handClock();
  turns = new Turns(core, store, hand.clock, { perform() {}, stalled() {}, failed() {} }, silentLogger);
});

afterEach(() => turns.close());

function submit(sequence: number): void {
  turns.feed({ type: 'submit', connection: 's', submitter: 's', sequence, tasks: [shell('a')], known: null });
}

/** How a promise stands, once all that could settle it has run. */
async function stateOf(promise: Promise<unknown> | null): Promise<string> {
  const waiting = new Promise<string>((resolve) => setImmediate(() => resolve('waits')));
  return Promise.race([
    (promise ?? Promise.resolve()).then(
      () => 'committed',
      (error: { code: string }) => error.code,
    ),
    waiting,
  ]);
}

it('an answer waits for the commit of what it says, and for that alone', async () => {
  expect(turns.committed()).toBeNull();
  submit(1);
  const first = turns.committed();
  await until(() => store.held.length === 1, 'the first commit');
  expect(await stateOf(first)).toBe('waits');
  expect(await stateOf(turns.committed())).toBe('waits');
  submit(2);
  const second = turns.committed();
  store.held[0]!.resolve();
  expect(await stateOf(first)).toBe('committed');
  await until(() => store.held.length === 2, 'the second commit');
  expect(await stateOf(second)).toBe('waits');
  store.held[1]!.resolve();
  expect(await stateOf(second)).toBe('committed');
  expect(turns.committed()).toBeNull();
});

it('a commit that fails keeps its answers until it succeeds', async () => {
  submit(1);
  const answer = turns.committed();
  await until(() => store.held.length === 1, 'the commit');
  store.held[0]!.reject(new Error('disk full'));
  await until(() => hand.waiting > 0, 'the wait before it is tried again');
  expect(await stateOf(answer)).toBe('waits');
  hand.fire();
  store.held[1]!.resolve();
  expect(await stateOf(answer)).toBe('committed');
});

it('where the store takes two commits at a time, the next is sent behind one that is under way if it is worth it, and what it says waits for both', async () => {
  Object.defineProperty(store, 'commitsAtOnce', { value: 2 });
  const performed: number[] = [];
  turns.close();
  const perform = (): void => void performed.push(store.held.length);
  turns = new Turns(core, store, hand.clock, { perform, stalled() {}, failed() {} }, silentLogger);
  const submitMany = (sequence: number, rows: number): void =>
    turns.feed({ type: 'submit', connection: 's', submitter: 's', sequence, tasks: [shell('a')], known: null }, rows);
  submitMany(1, 1);
  const first = turns.committed();
  await until(() => store.held.length === 1, 'the first commit');
  submitMany(2, 1);
  await new Promise(setImmediate);
  expect(store.held).toHaveLength(1);
  submitMany(3, 1_000);
  const second = turns.committed();
  await until(() => store.held.length === 2, 'the second commit');
  submitMany(4, 1_000);
  const third = turns.committed();
  await new Promise(setImmediate);
  expect(store.held).toHaveLength(2);
  store.held[1]!.resolve();
  expect([await stateOf(first), await stateOf(second), performed]).toEqual(['waits', 'waits', []]);
  store.held[0]!.resolve();
  expect([await stateOf(first), await stateOf(second), await stateOf(third)]).toEqual(['committed', 'committed', 'waits']);
  await until(() => store.held.length === 3, 'the third commit');
  store.held[2]!.resolve();
  expect(await stateOf(third)).toBe('committed');
});

it('two commits that fail are made again in their order, after both were answered', async () => {
  Object.defineProperty(store, 'commitsAtOnce', { value: 2 });
  const made: number[] = [];
  const commit = store.commit.bind(store);
  store.commit = (writes) => {
    made.push(writes.submitters[0]?.sequence ?? 0);
    return commit(writes);
  };
  for (const sequence of [1, 2]) {
    turns.feed({ type: 'submit', connection: 's', submitter: 's', sequence, tasks: [shell('a')], known: null }, 1_000);
    await until(() => store.held.length === sequence, 'its commit');
  }
  const answer = turns.committed();
  store.held[0]!.reject(new Error('the connection is gone'));
  await new Promise(setImmediate);
  expect(hand.waiting).toBe(0);
  store.held[1]!.reject(new Error('the commit before it was not made'));
  await until(() => hand.waiting > 0, 'the wait before they are tried again');
  hand.fire();
  await until(() => store.held.length === 4, 'both commits');
  expect(made).toEqual([1, 2, 1, 2]);
  store.held[2]!.resolve();
  expect(await stateOf(answer)).toBe('waits');
  store.held[3]!.resolve();
  expect(await stateOf(answer)).toBe('committed');
});

it('a commit that can never succeed ends the loop with its error instead of trying for ever', async () => {
  const failures: MillraceError[] = [];
  turns.close();
  turns = new Turns(core, store, hand.clock, { perform() {}, stalled() {}, failed: (error) => failures.push(error) }, silentLogger);
  submit(1);
  const answer = turns.committed();
  await until(() => store.held.length === 1, 'the commit');
  store.held[0]!.reject(new MillraceError('ERR_DATABASE', 'the file is damaged', { details: { lasting: true } }));
  await until(() => failures.length === 1, 'the end');
  expect(failures[0]).toMatchObject({ code: 'ERR_DATABASE', message: 'the file is damaged' });
  expect([await stateOf(answer), hand.waiting]).toEqual(['ERR_ENDED', 0]);
});

it('what comes now and then is committed at once, three commits in a row too; a stream of it takes a fifth of the time', async () => {
  let now = 0;
  let commits = 0;
  /** Each commit costs 1 ms. */
  class CostlyStore extends MemoryStore {
    override commit(writes: Writes): void {
      now += 1;
      commits += 1;
      super.commit(writes);
    }
  }
  const costly = new CostlyStore({ count: 1e9, age: 1e12, now: () => 0, salt: '000000000' });
  Object.defineProperty(costly, 'durable', { value: true });
  turns.close();
  const due = new Map<() => void, number>();
  const after = (ms: number, call: () => void): (() => boolean) => {
    due.set(call, now + ms);
    return () => due.delete(call);
  };
  turns = new Turns(core, costly, { ...hand.clock, now: () => now, after }, { perform() {}, stalled() {}, failed() {} }, silentLogger);
  let sequence = 0;
  const round = async (): Promise<void> => {
    submit(++sequence);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  };
  for (let time = 100; time <= 1_000; time += 20) {
    now = time;
    for (let i = 0; i < 3; i++) await round();
    expect(commits).toBe(sequence);
  }
  now += 1_000;
  const before = { now, commits };
  for (let i = 0; i < 500; i++) {
    await round();
    now += 0.5;
    for (const [call, at] of due) if (at <= now && due.delete(call)) call();
  }
  const share = (commits - before.commits) / (now - before.now);
  expect(share).toBeGreaterThan(0.15);
  expect(share).toBeLessThan(0.25);
});

it('a change that waits for its commit when the server ends is told so', async () => {
  submit(1);
  await until(() => store.held.length === 1, 'the commit');
  store.held[0]!.resolve();
  expect(await stateOf(turns.committed())).toBe('committed');
  const changes = new Changes({ core, store, clock: hand.clock, turns });
  const cancelled = changes.cancel({ numbers: [1] }).catch((error: { code: string }) => error.code);
  await until(() => store.held.length === 2, 'the commit of the end');
  const underWay = turns.committed();
  expect(await stateOf(underWay)).toBe('waits');
  turns.close();
  expect(await stateOf(underWay)).toBe('ERR_ENDED');
  expect(await stateOf(turns.committed())).toBe('ERR_ENDED');
  expect(await cancelled).toBe('ERR_ENDED');
  store.held[1]!.resolve();
});

it.each(['progress', 'clients', 'get', 'find', 'numbers', 'count', 'explain'])('%s says nothing that is not committed', async (name) => {
  submit(1);
  await until(() => store.held.length === 1, 'the commit');
  store.held[0]!.resolve();
  expect(await stateOf(turns.committed())).toBe('committed');
  const context = {
    core,
    store,
    clock: hand.clock,
    salt: '000000000',
    progress: () => core.counts.pending,
    committed: () => turns.committed(),
    known: () => turns.committed() ?? Promise.resolve(),
    stalled: () => null,
  } as unknown as RequestContext;
  const id = taskId('000000000', 0, 1);
  const ask = (): Promise<unknown> =>
    Promise.resolve(requestHandlers[name]!(context, {} as never, name === 'get' || name === 'explain' ? { id } : {}));
  expect(await stateOf(ask())).toBe('committed');
  turns.feed({ type: 'cancel', numbers: [1], rows: [] });
  const answer = ask();
  await until(() => store.held.length === 2, 'the commit of the end');
  expect(await stateOf(answer)).toBe('waits');
  store.held[1]!.resolve();
  expect(await stateOf(answer)).toBe('committed');
});
