import { expect, it } from 'vitest';
import type { GrantedTask } from '../../../src/protocol/messages.ts';
import { Bench, call, ended, said, shell } from './harness.ts';

const of = (n: number, tenant: string): GrantedTask => shell(n, { tags: { tenant } });

/** The keys and numbers of what began. */
function began(effects: ReturnType<Bench['turn']>): [key: number, n: number][] {
  return effects.flatMap((effect) => (effect.type === 'start' ? effect.tasks.map(([key, task]): [number, number] => [key, task.n]) : []));
}

function limited(concurrency: number, slots = 3): Bench {
  const bench = new Bench({ slots });
  bench.core.handle({ type: 'connected', evictAfter: 10_000, limits: [['tenant', concurrency]] }, 0);
  bench.turn();
  bench.receive(['resumed', []]);
  return bench;
}

it('runs tasks of one value one after the other, in the order in which they came, and others beside them', () => {
  const bench = limited(1);
  const first = began(bench.work(1, of(1, 'a'), of(2, 'a'), of(3, 'b'), of(4, 'a'), of(5, 'b')));
  expect(first.map(([, n]) => n)).toEqual([1, 3]);
  expect(began(bench.end(0, [ended(first[0]![0])])).map(([, n]) => n)).toEqual([2]);
  expect(began(bench.end(1, [ended(first[1]![0])])).map(([, n]) => n)).toEqual([5]);
});

it('runs as many at a time as the limit says', () => {
  const bench = limited(2);
  expect(began(bench.work(1, of(1, 'a'), of(2, 'a'), of(3, 'a'))).map(([, n]) => n)).toEqual([1, 2]);
});

it('says that slots are free which nothing that it holds may take', () => {
  const bench = limited(1);
  const wants = said(bench.work(1, of(1, 'a'), of(2, 'a'), of(3, 'a')), 'want');
  expect(wants.at(-1)?.[3]).toBe(2);
});

it('begins the next one when the one before could not be started for good, was cancelled, or was given back', () => {
  const bench = limited(1);
  const [[key] = []] = began(bench.work(1, of(1, 'a'), of(2, 'a'), of(3, 'a'), of(4, 'a')));
  // Cancelled while it runs: the next one begins when it has really ended.
  expect(began(bench.receive(['cancel', [[1, [1, 1]]]]))).toEqual([]);
  expect(began(bench.receive(['cancel', [[1, [2, 2]]]]))).toEqual([]);
  expect(began(bench.end(0, [ended(key!, 'failed')])).map(([, n]) => n)).toEqual([3]);
});

it('keeps the place of a task that was not started', () => {
  const bench = limited(1, 1);
  const [[key] = []] = began(bench.work(1, of(1, 'a'), of(2, 'a')));
  const again = began(bench.end(0, [{ ...ended(key!), notStarted: new Error('not now') as never }]));
  expect(again.map(([, n]) => n)).toEqual([1]);
});

it('gives everything back when it leaves, what waits too', () => {
  const bench = limited(1);
  bench.work(1, of(1, 'a'), of(2, 'a'), of(3, 'a'));
  expect(said(bench.tell('drain'), 'back')).toEqual([['back', [[1, [2, 3]]]]]);
});

it('gives nothing back to a recall that nobody else could run', () => {
  const bench = limited(1, 1);
  bench.work(1, of(1, 'a'), of(2, 'a'), shell(3), of(4, 'b'), of(5, 'b'), shell(6));
  expect(said(bench.receive(['recall', 4]), 'back')).toEqual([['back', [[1, [3, 3, 6, 6]]]]]);
});

it('lists what waits when it connects anew', () => {
  const bench = limited(1);
  bench.work(1, of(1, 'a'), of(2, 'a'), of(3, 'a'));
  bench.tell('disconnected');
  bench.core.handle({ type: 'connected', evictAfter: 10_000, limits: [['tenant', 1]] }, 0);
  expect(said(bench.turn(), 'resume')).toEqual([['resume', [[1, [1, 3]]]]]);
});

it('keeps the limits of a server that was started again with others', () => {
  const bench = new Bench({ slots: 3 });
  bench.connect();
  const running = began(bench.work(1, of(1, 'a'), of(2, 'a')));
  expect(running).toHaveLength(2);
  bench.tell('disconnected');
  bench.core.handle({ type: 'connected', evictAfter: 10_000, limits: [['tenant', 1]] }, 0);
  bench.turn();
  bench.receive(['resumed', []]);
  expect(began(bench.work(2, of(3, 'a')))).toEqual([]);
  expect(began(bench.end(0, [ended(running[0]![0])]))).toEqual([]);
  expect(began(bench.end(1, [ended(running[1]![0])])).map(([, n]) => n)).toEqual([3]);
});

const calls = (...numbers: number[]): GrantedTask[] =>
  numbers.map((n) => {
    const [, at, [kind, args]] = call(n);
    return [n, at, [kind, args, null, { tags: { tenant: `t${n % 3}` } }]];
  });

/** A client that knows that calls are short, with one of them running (the returned key). */
function learned(bench: Bench): number {
  const [[key] = []] = began(bench.work(1, ...calls(1)));
  const [[next] = []] = began([...bench.end(0, [ended(key!, 'succeeded', 0.01)]), ...bench.work(2, ...calls(2))]);
  return next!;
}

it('puts calls into one batch of which no two may run at a time: there they run one after the other', () => {
  const bench = limited(1, 1);
  const key = learned(bench);
  bench.work(3, ...calls(3, 4, 5, 6, 7, 8));
  const batch = began(bench.end(0, [ended(key, 'succeeded', 0.01)]));
  expect(batch.map(([, n]) => n)).toEqual([3, 4, 5, 6, 7, 8]);
});

it('begins nothing of a value beside the batch that has its calls, until the last of them has ended', () => {
  const bench = limited(1, 2);
  const key = learned(bench);
  bench.work(3, shell(100));
  bench.work(4, ...calls(3, 6, 9));
  const batch = began(bench.end(0, [ended(key, 'succeeded', 0.01)]));
  expect(batch.map(([, n]) => n)).toEqual([3, 6, 9]);
  expect(began(bench.work(5, ...calls(12)))).toEqual([]);
  expect(began(bench.end(1, [ended(key + 1)]))).toEqual([]);
  const ends = batch.map(([at]) => ended(at));
  expect(began(bench.end(0, ends.slice(0, 2), false))).toEqual([]);
  expect(began(bench.end(0, ends.slice(2))).map(([, n]) => n)).toEqual([12]);
});

it('lets no two calls of a value begin that a batch gave back, and keeps their order', () => {
  const bench = limited(1, 2);
  const key = learned(bench);
  bench.work(3, shell(100));
  bench.work(4, ...calls(3, 6, 9, 12));
  const batch = began(bench.end(0, [ended(key, 'succeeded', 0.01)]));
  expect(batch.map(([, n]) => n)).toEqual([3, 6, 9, 12]);
  const notStarted = new Error('not now') as never;
  const [first, ...others] = batch.map(([at]) => ended(at, 'failed', 5_000));
  const again = began(bench.end(0, [first!, ...others.map((end) => ({ ...end, notStarted }))]));
  expect(again.map(([, n]) => n)).toEqual([6]);
  expect(began(bench.end(0, [ended(again[0]![0], 'failed', 5_000)])).map(([, n]) => n)).toEqual([9]);
});

it('lets the calls go that wait behind a slow one of their batch, and asks for work for a slot that has nothing', () => {
  const bench = limited(1, 2);
  const key = learned(bench);
  bench.work(3, shell(100));
  bench.work(4, ...calls(3, 6, 9, 12));
  const [slow, ...behind] = began(bench.end(0, [ended(key, 'succeeded', 0.01)]));
  expect(bench.pass(49).filter(({ type }) => type === 'relieve')).toEqual([]);
  expect(bench.pass(1).filter(({ type }) => type === 'relieve')).toEqual([{ type: 'relieve', slot: 0 }]);
  const notStarted = new Error('not now') as never;
  const ends = behind.map(([at]) => ({ ...ended(at), notStarted }));
  // They are of the value of the one that runs.
  expect(began(bench.end(0, ends, false))).toEqual([]);
  expect(bench.pass(5_000).filter(({ type }) => type === 'relieve')).toEqual([]);
  const effects = bench.end(1, [ended(key + 1)]);
  expect(said(effects, 'want').at(-1)?.[3]).toBe(1);
  expect(began(bench.work(5, shell(101))).map(([, n]) => n)).toEqual([101]);
  expect(began(bench.end(0, [ended(slow![0], 'succeeded', 5_000)])).map(([, n]) => n)).toEqual([6]);
});
