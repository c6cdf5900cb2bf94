import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Deferred, deferred } from '../../src/base/deferred.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { parseServerOptions } from '../../src/config/server.ts';
import { ServerCore } from '../../src/server/core/core.ts';
import { coreOptions } from '../../src/server/options.ts';
import { Stall } from '../../src/server/stall.ts';
import { progressOf, type Stalled } from '../../src/server/summary.ts';
import { Turns } from '../../src/server/turns.ts';
import { MemoryStore } from '../../src/store/memory/adapter.ts';
import type { Writes } from '../../src/store/store.ts';
import { handClock } from '../support/hand-clock.ts';
import { until } from '../support/until.ts';
import { shell } from './core/harness.ts';

/** A store on a disk that is full until the test says otherwise. */
class FullStore extends MemoryStore {
  full = false;
  tries: Writes[] = [];

  override commit(writes: Writes): void {
    if (this.full) {
      this.tries.push(structuredClone(writes));
      throw new MillraceError('ERR_DATABASE', 'the disk is full');
    }
    super.commit(writes);
  }
}

let store: FullStore;
let core: ServerCore;
let turns: Turns;
let stall: Stall;
let hand: ReturnType<typeof handClock>;
let told: unknown[];
let holds: boolean[];
let ended: Deferred<MillraceError>;
let over: MillraceError | null;

beforeEach(() => {
  store = new FullStore({ count: 1e9, age: 1e12, now: () => 0, salt: '000000000' });
  const recovery = store.recover();
  core = new ServerCore(coreOptions({ config: parseServerOptions({}).config, expectSource: true, onlyClients: null }), recovery, {
    now: 0,
    wall: 0,
  });
  hand = handClock();
  told = [];
  holds = [];
  over = null;
  ended = deferred();
  const failed = (error: MillraceError): void => {
    over = error;
    ended.resolve(error);
  };
  const perform = (turn: Parameters<Stall['recorded']>[0]): void => stall.recorded(turn);
  turns = new Turns(core, store, hand.clock, { perform, failed, stalled: (error) => stall.set(error) }, silentLogger);
  stall = new Stall(hand.clock, recovery.counts, {
    hold: (wanted) => holds.push(wanted),
    tell: (facts) => told.push(facts),
    committed: () => turns.committed(),
    abandon: () => turns.abandon(),
    failed,
  });
});

afterEach(() => {
  stall.close();
  turns.close();
});

function submit(sequence: number, tasks = 1): void {
  turns.feed({
    type: 'submit',
    connection: 's',
    submitter: 's',
    sequence,
    tasks: Array.from({ length: tasks }, () => shell('a')),
    known: null,
  });
}

const facts = { code: 'ERR_DATABASE', message: 'the disk is full' };

async function stallWith(sequence: number, tasks: number): Promise<void> {
  store.full = true;
  submit(sequence, tasks);
  await until(() => stall.facts !== null, 'the stall');
}

it('it is told once, nothing is read meanwhile, and all goes on when a commit succeeds', async () => {
  await stallWith(1, 3);
  for (let i = 0; i < 3; i++) hand.fire();
  expect(store.tries).toHaveLength(4);
  expect(new Set(store.tries.map((writes) => JSON.stringify(writes))).size).toBe(1);
  expect([told, holds]).toEqual([[facts], [true]]);
  store.full = false;
  hand.fire();
  expect([told, holds, stall.facts]).toEqual([[facts, null], [true, false], null]);
  expect(store.count({})).toBe(3);
});

it('who asks meanwhile is answered with what is recorded, also when the stall begins while the answer waits', async () => {
  submit(1, 2);
  await turns.committed();
  store.full = true;
  submit(2, 5);
  const known = stall.known();
  await known;
  const progress = progressOf(core, 1, 0, stall.view as Stalled);
  expect(progress).toMatchObject({ submitted: 2, pending: 2, succeeded: 0, etaMs: null, stalled: facts });
  await stall.known();
  store.full = false;
  hand.fire();
  await until(() => store.count({}) === 7, 'the commit');
  expect([stall.view, core.counts.submitted]).toEqual([null, 7]);
});

it('a run that is stopped meanwhile is given up after a time, and says what was not recorded', async () => {
  await stallWith(1, 3);
  submit(2, 4);
  stall.end('drain');
  stall.end('stop');
  expect(over).toBeNull();
  hand.fire();
  const error = await ended.promise;
  expect(error).toMatchObject({ code: 'ERR_DATABASE', details: { unrecorded: { tasks: 7, results: 0 } } });
  expect(error.message).toMatch(/the disk is full.*0 results and 7 submitted tasks were not recorded/);
  store.full = false;
  hand.fire();
  expect(store.count({})).toBe(0);
});

it('a run that is stopped and can write again in time is not given up', async () => {
  await stallWith(1, 3);
  stall.end('stop');
  expect(hand.waiting).toBe(2);
  stall.set(null);
  expect(hand.waiting).toBe(1);
  store.full = false;
  hand.fire();
  expect([over, store.count({})]).toEqual([null, 3]);
});
