import { afterEach, describe, expect, test, vi } from 'vitest';
import { Board } from '../../src/graph/board.ts';
import { Departures } from '../../src/graph/departures.ts';
import { type GraphObject, objectState, taskState } from '../../src/graph/entities.ts';
import { ReadyHeap } from '../../src/graph/heap.ts';
import { Progress } from '../../src/graph/progress.ts';
import { Waits } from '../../src/graph/waits.ts';
import { type GraphReport, GraphWorld } from '../../src/testing/graph-world.ts';

const seeds = 2_000;

afterEach(() => vi.restoreAllMocks());

function run(seed: number): GraphReport {
  try {
    return new GraphWorld(seed).run();
  } catch (cause) {
    throw new Error(`seed ${seed}`, { cause });
  }
}

test(`in ${seeds.toLocaleString('en')} worlds with losses of clients and of the server, and clients that leave, every graph verifies itself after each step and ends with the right values`, () => {
  const sum = { tasks: 0, finished: 0, failed: 0, recomputed: 0, losses: 0, departures: 0, restarts: 0 };
  for (let seed = 0; seed < seeds; seed++) {
    const report = run(seed);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += report[key];
  }
  // The worlds show what they are for.
  expect(sum.tasks).toBeGreaterThan(20 * seeds);
  for (const key of ['finished', 'failed', 'recomputed', 'losses', 'departures', 'restarts'] as const)
    expect(sum[key]).toBeGreaterThan(seeds / 5);
});

const original = {
  finished: Progress.prototype.ended,
  back: Progress.prototype.back,
  unready: Board.prototype.unready,
  hold: Board.prototype.hold,
  remove: ReadyHeap.prototype.remove,
  makeReady: Board.prototype.makeReady,
};

/** Each breaks one rule; the worlds have to notice it. */
const mutations: Record<string, () => void> = {
  'copies of what nobody needs are not dropped': () => vi.spyOn(Board.prototype, 'dropCopies').mockImplementation(() => {}),
  'clients are not told to drop what nobody needs': () =>
    vi.spyOn(Board.prototype, 'dropCopies').mockImplementation((object: GraphObject) => {
      for (const client of object.holders) client.held.delete(object.n);
      object.holders = [];
    }),
  'what a lost client had is not made again': () => vi.spyOn(Progress.prototype, 'lose').mockImplementation(() => {}),
  'a lost object is forgotten although a task needs it': () =>
    vi.spyOn(Progress.prototype, 'lose').mockImplementation(function (this: unknown, client, object) {
      client.held.delete(object.n);
      object.holders = object.holders.filter((holder) => holder !== client);
      if (object.holders.length === 0 && !object.constant) object.state = objectState.removed;
    }),
  'tasks of a lost client are not given to others': () => vi.spyOn(Progress.prototype, 'back').mockImplementation(() => {}),
  'a copy that a task fetched is not known': () =>
    vi.spyOn(Board.prototype, 'hold').mockImplementation(function (this: Board, client, object) {
      if (object.holders.length === 0) original.hold.call(this, client, object);
    }),
  'a task whose input is lost stays ready': () =>
    vi.spyOn(Board.prototype, 'unready').mockImplementation(function (this: Board, task) {
      const inputs = task.inputs.some(({ state }) => state === objectState.unfinished);
      if (!inputs) original.unready.call(this, task);
    }),
  'a task that was sent ahead is not activated': () => vi.spyOn(Board.prototype, 'activate').mockImplementation(() => {}),
  'a task is ready before its inputs are there': () =>
    vi.spyOn(Board.prototype, 'makeReady').mockImplementation(function (this: Board, task) {
      original.makeReady.call(this, task);
      const next = task.outputs[0]?.consumers[0];
      if (next !== undefined && next.state === taskState.waiting) original.makeReady.call(this, next);
    }),
  'a heap forgets where a task stands': () =>
    vi.spyOn(ReadyHeap.prototype, 'remove').mockImplementation(function (this: ReadyHeap, task) {
      original.remove.call(this, task);
      if (this.first !== null && this.size > 2) this.first.heapIndex = 1;
    }),
  'a server that is started again does not know the tasks that clients bring': () =>
    vi.spyOn(Board.prototype, 'adopt').mockImplementation(() => {}),
  'a server that is started again does not wait for the clients it had': () =>
    vi.spyOn(Board.prototype, 'makeReady').mockImplementation(function (this: Board, task) {
      task.session.awaited = null;
      original.makeReady.call(this, task);
    }),
  'what a client that leaves holds is not handed over': () =>
    vi.spyOn(Departures.prototype, 'take').mockImplementation(function (this: Departures, client, object) {
      client.takes.delete(object.n);
    }),
  'a client may go while it is still to take something': () => {
    const original = Departures.prototype.endTurn;
    vi.spyOn(Departures.prototype, 'endTurn').mockImplementation(function (this: Departures) {
      for (const client of this.leaving)
        if (client.handing !== null && !client.handing.free && client.takes.size > 0 && client.runs.size === 0) {
          client.handing.free = true;
          this.freed.push(client);
        }
      return original.call(this);
    });
  },
  'who waits for all tasks is not told of the end': () => vi.spyOn(Waits.prototype, 'allEnded').mockImplementation(() => {}),
};

describe('the worlds notice when', () => {
  for (const [name, mutate] of Object.entries(mutations))
    test(name, () => {
      mutate();
      const noticed = Array.from({ length: 200 }, (_, seed) => seed).some((seed) => {
        try {
          new GraphWorld(seed).run();
          return false;
        } catch {
          return true;
        }
      });
      expect(noticed).toBe(true);
    });
});
