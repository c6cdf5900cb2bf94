import { expect, test } from 'vitest';
import { MillraceError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/log.ts';
import type { ObjectSpec, TaskSpec } from '../../../src/graph/entities.ts';
import { Graph } from '../../../src/graph/graph.ts';
import type { GraphRecord } from '../../../src/graph/replay.ts';
import { GraphData } from '../../../src/server/graph/data.ts';
import { Journal } from '../../../src/server/graph/journal.ts';
import { LastingSeats } from '../../../src/server/graph/lasting.ts';
import type { GraphParts } from '../../../src/server/graph/members.ts';
import type { Link } from '../../../src/server/link.ts';
import type { SessionWrites, StoredSessions } from '../../../src/store/sessions.ts';
import { VirtualClock } from '../../../src/testing/clock.ts';
import { until } from '../../support/until.ts';

/** A store in memory that can be told to fail. */
class Kept implements StoredSessions {
  readonly writes: SessionWrites[] = [];
  failure: MillraceError | null = null;

  all(): [] {
    return [];
  }

  async *history(session: number): AsyncGenerator<(string | Uint8Array)[]> {
    yield this.writes.flatMap(({ entries }) => entries.filter((entry) => entry.session === session).map(({ body }) => body));
  }

  write(writes: SessionWrites): void {
    if (this.failure !== null) throw this.failure;
    this.writes.push(writes);
  }
}

function partsOf(store: StoredSessions | null, clock: VirtualClock, failed: (error: MillraceError) => void = () => {}): GraphParts {
  const none = (): void => {};
  return {
    clock,
    logger: silentLogger,
    grace: 5_000,
    patience: 60_000,
    sessions: store,
    durable: true,
    epoch: 1,
    failed,
    hold: none,
    release: none,
  };
}

test('what cannot be written for want of room is tried again, and until then nothing is told', async () => {
  const store = new Kept();
  const clock = new VirtualClock();
  const told: string[] = [];
  const journal: Journal = new Journal(partsOf(store, clock), () => {
    told.push('resumed');
    journal.flush(() => told.push('second'));
  });
  const session = new Graph().openSession('x', 'fail', true);
  store.failure = new MillraceError('ERR_DATABASE', 'the disk is full', { details: { lasting: false } });
  journal.note(session, ['left', 'a']);
  void journal.committed().then(() => told.push('committed'));
  journal.flush(() => told.push('first'));
  clock.advance(600);
  await Promise.resolve();
  expect([told, journal.busy, journal.dirty, store.writes.length]).toEqual([[], true, true, 0]);
  store.failure = null;
  journal.note(session, ['left', 'b']);
  clock.advance(600);
  await Promise.resolve();
  expect(told).toEqual(['first', 'resumed', 'second', 'committed']);
  expect([journal.dirty, store.writes.map(({ entries }) => entries.length)]).toEqual([false, [1, 1]]);
});

test('where a write takes its time, what comes meanwhile is of the next one, and does not put off what was decided before', async () => {
  const store = new Kept();
  const answers: (() => void)[] = [];
  const slow: StoredSessions = {
    all: () => [],
    history: (session) => store.history(session),
    write: (writes) => {
      store.write(writes);
      return new Promise<void>((resolve) => answers.push(resolve));
    },
  };
  const told: string[] = [];
  const journal: Journal = new Journal(partsOf(slow, new VirtualClock()), () => {
    if (journal.dirty) journal.flush(() => told.push('second'));
  });
  const session = new Graph().openSession('x', 'fail', true);
  journal.note(session, ['left', 'a']);
  journal.flush(() => told.push('first'));
  journal.note(session, ['left', 'b']);
  await Promise.resolve();
  expect([told, journal.busy, answers.length]).toEqual([[], true, 1]);
  answers[0]!();
  await until(() => answers.length === 2);
  expect(told).toEqual(['first']);
  answers[1]!();
  await until(() => !journal.dirty);
  expect([told, store.writes.map(({ entries }) => entries.length)]).toEqual([
    ['first', 'second'],
    [1, 1],
  ]);
});

test('what trying again cannot mend ends the server', () => {
  const store = new Kept();
  const errors: MillraceError[] = [];
  const journal = new Journal(
    partsOf(store, new VirtualClock(), (error) => errors.push(error)),
    () => {},
  );
  store.failure = new MillraceError('ERR_DATABASE', 'the file is gone', { details: { lasting: true } });
  journal.note(new Graph().openSession('x', 'fail', true), ['left', 'a']);
  const told: string[] = [];
  journal.flush(() => told.push('told'));
  expect([told, journal.busy]).toEqual([[], true]);
  expect(errors).toEqual([store.failure]);
});

test('a large submission is written in parts, with the bytes of large constants, and read back as one', async () => {
  const store = new Kept();
  const journal = new Journal(partsOf(store, new VirtualClock()), () => {});
  const graph = new Graph();
  const session = graph.openSession('x', 'fail', true);
  const objects: ObjectSpec[] = [[0, 'large', 0, false, true, null]];
  const tasks: TaskSpec[] = [];
  for (let i = 0; i < 8_000; i++) {
    objects.push([1 + 2 * i, 'output', 0, false, null, null]);
    tasks.push([2 + 2 * i, 'step', i % 2 === 0 ? '{"a":1}' : Uint8Array.of(i & 255), [0, null], [1 + 2 * i], null]);
  }
  const put = new Map([[0, [Uint8Array.of(1, 2), Uint8Array.of(3)]]]);
  graph.handle({ type: 'submit', session, objects, tasks, sizes: new Map([[0, 3]]) }, 0);
  journal.submission(session, { objects, tasks, put });
  journal.note(session, ['unkeep', [1]]);
  journal.flush(() => {});
  expect(journal.dirty).toBe(false);
  const read: { record: GraphRecord; put: ReadonlyMap<number, readonly Uint8Array[]> }[] = [];
  for await (const one of journal.read(session.n)) read.push(one);
  const first = session.n + 1;
  expect(read.map(({ record }) => record[0])).toEqual(['submit', 'unkeep']);
  expect(read[0]!.record).toEqual(['submit', first, objects, tasks]);
  expect(read[0]!.put).toEqual(put);
});

test('a database that keeps no persistent sessions refuses them', () => {
  const parts = partsOf(null, new VirtualClock());
  const data = new GraphData({ linkOf: () => null, lost: () => {} });
  const seats = new LastingSeats({
    parts,
    graph: new Graph(),
    data,
    journal: new Journal(parts, () => {}),
    enter: () => {},
    giveUp: () => {},
  });
  expect(() => seats.join({} as Link, 'x', 'fail')).toThrow(expect.objectContaining({ code: 'ERR_GRAPH' }));
});
