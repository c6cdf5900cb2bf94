import { expect, test } from 'vitest';
import { Graph } from '../../src/graph/graph.ts';
import { type GraphRecord, recordOf } from '../../src/graph/replay.ts';
import { constant, History, output, step } from './history.ts';

const capacity = { slots: 2, cores: null, memory: null, resources: {} };
const n = 2 ** 40 + 1;

/** A session that was told these records, at a server that has just begun. */
function replayed(records: readonly GraphRecord[]) {
  const graph = new Graph(2 ** 40 + 2 ** 32);
  const replay = graph.replay(n, 'lasting', 'fail');
  for (const record of records) replay.tell(record, new Map());
  const awaited = graph.replayed().map(({ id }) => id);
  graph.check();
  return { graph, session: replay.session, awaited };
}

/** Two tasks, the second of which needs the first; that has ended at `a`. */
const history: GraphRecord[] = [
  ['joined', ['a', 'b']],
  ['submit', n + 1, [constant(1), output(2), output(3, true)], [step(10, [1], [2]), step(11, [2], [3])]],
  ['ends', [[10, 'a', [[10, null, null]], null, 'said', 5, 7]]],
];

test('nothing of a session is given out before the clients that worked for it are back, or gone', () => {
  const { graph, session, awaited } = replayed(history);
  expect(awaited).toEqual(['a', 'b']);
  expect(session).toMatchObject({ finished: 1, unfinished: 1, ready: 0 });
  graph.handle({ type: 'client-joined', id: 'c', capacity }, 0);
  expect(graph.endTurn(0).orders).toEqual([]);
  // It still has what it made, and is given what needs that once the other is gone.
  graph.handle({ type: 'client-resumed', id: 'a', ends: [], runs: [], objects: [n + 2], claims: [], capacity }, 0);
  expect(graph.endTurn(0).orders.flatMap(({ run }) => run)).toEqual([]);
  graph.handle({ type: 'client-left', id: 'b' }, 0);
  expect(graph.endTurn(0).orders.map(({ client, run }) => [client.id, run.map(({ id }) => id)])).toEqual([['a', [11]]]);
  graph.check();
});

test('a client that comes back with a run and an end of before is taken at its word', () => {
  const { graph, session } = replayed(history);
  const end = { run: 4, outputs: [[8, null, null]] as const, info: null, debug: '', startedAt: 0, durationMs: 1 };
  const claims = [[4, n, 11] as const];
  graph.handle({ type: 'client-resumed', id: 'a', ends: [end], runs: [], objects: [n + 2, n + 3], claims, capacity }, 0);
  graph.check();
  expect(session).toMatchObject({ finished: 2, unfinished: 0, recomputed: 0 });
  expect(graph.takeRecorded().map(recordOf)).toEqual([[11, 'a', [[8, null, null]], null, '', 0, 1]]);
  // The same again from another one is not.
  graph.handle({ type: 'client-resumed', id: 'b', ends: [{ ...end, run: 5 }], runs: [], objects: [], claims: [[5, n, 11]], capacity }, 0);
  expect(graph.endTurn(0).orders.map(({ client, refused }) => [client.id, refused])).toContainEqual(['b', [5]]);
});

test('what a client that does not come back had is made again; one that left before is not waited for', () => {
  const { graph, session, awaited } = replayed([...history, ['left', 'a']]);
  expect(awaited).toEqual(['b']);
  expect(session).toMatchObject({ finished: 0, unfinished: 2, recomputed: 1 });
  graph.handle({ type: 'client-resumed', id: 'b', ends: [], runs: [], objects: [77], claims: [], capacity }, 0);
  expect(graph.endTurn(0).orders).toMatchObject([{ drop: [77], run: [{ id: 10 }, { id: 11 }] }]);
});

test('what a client that left had is not lost where another one was seen to have it too', () => {
  const { graph, session, awaited } = replayed([...history, ['holds', 'b', [2]], ['left', 'a']]);
  expect(awaited).toEqual(['b']);
  expect(session).toMatchObject({ finished: 1, unfinished: 1, recomputed: 0 });
  graph.handle({ type: 'client-resumed', id: 'b', ends: [], runs: [], objects: [n + 2], claims: [], capacity }, 0);
  expect(graph.endTurn(0).orders).toMatchObject([{ drop: [], run: [{ id: 11 }] }]);
  graph.check();
});

test('a copy that a client has beside the recorded one counts, and an object that was let go does not', () => {
  const { graph } = replayed([
    ['joined', ['a', 'b']],
    ['submit', n + 1, [output(2, true), output(3, true)], [step(10, [], [2]), step(11, [], [3])]],
    ['ends', [10, 11].map((task) => [task, 'a', [[10, null, null]], null, '', 0, 0])],
    ['unkeep', [3]],
  ]);
  graph.handle({ type: 'client-resumed', id: 'b', ends: [], runs: [], objects: [n + 1, n + 2], claims: [], capacity }, 0);
  expect(graph.endTurn(0).orders).toMatchObject([{ drop: [n + 2] }]);
  graph.handle({ type: 'client-left', id: 'a' }, 0);
  graph.check();
  expect(graph.client('b')!.held.size).toBe(1);
});

test('a failure is told anew, and later records of the session do nothing', () => {
  const failure = { task: 10, type: 'step', name: null, code: 'ERR_TASK', message: 'broken', debug: '', stderr: '' };
  const { session, awaited } = replayed([...history.slice(0, 2), ['ends', [[10, failure]]], ['left', 'a'], ['unkeep', [3]]]);
  expect([session.state, session.failure, awaited]).toEqual(['failed', failure, []]);
});

test('an object whose only holder is away can be read when that is back', () => {
  const h = new History();
  h.join('a');
  h.submit([output(1, true)], [step(10, [], [1])]);
  h.end('a', [10]);
  const number = h.numberOf(1);
  h.turn({ type: 'client-offline', id: 'a' });
  expect(h.turn({ type: 'await-object', session: h.session, token: 5, object: 1 }).answers).toEqual([]);
  const back = h.turn({ type: 'client-resumed', id: 'a', ends: [], runs: [], objects: [number] });
  expect(back.answers).toEqual([{ token: 5, finished: [1] }]);
});
