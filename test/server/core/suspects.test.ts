import { expect, it } from 'vitest';
import type { CoreOptions } from '../../../src/server/core/events.ts';
import { Bench, grants, sent, shell } from './harness.ts';

const tasks = (count: number) => Array.from({ length: count }, (_, i) => shell(`t${i}`));

/** A bench whose tasks 1 to `count` have lost their clients `losses` times; two losses of three make suspects. */
function afterLosses(count: number, losses: number, options: Partial<CoreOptions> = {}): Bench {
  const bench = new Bench({ maxLosses: 3, ...options });
  bench.submit(tasks(count));
  for (let i = 0; i < losses; i++) {
    bench.join(`lost ${i}`, count);
    lose(bench, `lost ${i}`);
  }
  return bench;
}

function lose(bench: Bench, id: string): void {
  bench.feed({ type: 'disconnected', connection: id });
  bench.turn();
  bench.pass(2_000);
}

const numbers = (turn: ReturnType<Bench['turn']>) => grants(turn).map(([connection, , , list]) => [connection, list]);

it('runs tasks whose next loss would end them alone, one after the other, and nothing beside them', () => {
  const bench = afterLosses(3, 2);
  bench.submit(tasks(2), 2);
  const [[, first] = []] = grants(bench.join('c', 4));
  expect(numbers(bench.turn())).toEqual([]);
  bench.result('c', first!, 1);
  const next = bench.turn();
  expect(numbers(next)).toEqual([['c', [2]]]);
  bench.result('c', grants(next)[0]![1], 2);
  const last = bench.turn();
  expect(numbers(last)).toEqual([['c', [3]]]);
  bench.result('c', grants(last)[0]![1], 3);
  // What is beyond suspicion goes out in one.
  expect(numbers(bench.turn())).toEqual([['c', [4]]]);
  bench.feed({ type: 'want', connection: 'c', sequence: 2, tasks: 9, free: 3 });
  expect(numbers(bench.turn())).toEqual([['c', [5]]]);
});

it('ends what kills every client as lost, and takes no neighbour with it', () => {
  const bench = afterLosses(4, 2);
  for (let i = 0; i < 20 && bench.core.counts.pending > 0; i++) {
    const id = `c${i}`;
    let turn = bench.join(id, 4);
    for (;;) {
      const [[, grant, , list] = []] = grants(turn);
      if (list === undefined) break;
      expect(list).toHaveLength(1);
      // Task 3 is the poison.
      if (list[0] === 3) {
        lose(bench, id);
        break;
      }
      bench.result(id, grant!, list[0]!);
      bench.feed({ type: 'want', connection: id, sequence: 10 + list[0]!, tasks: 100, free: 4 });
      turn = bench.turn();
    }
  }
  expect(bench.core.counts.outcomes[1]).toBe(3);
  expect(bench.core.counts.outcomes[5]).toBe(1);
  expect(bench.store.find({ numbers: [3] })[0]?.end?.outcome).toBe(5);
});

it('a single loss makes nobody a suspect, however few losses end a task', () => {
  const bench = afterLosses(2, 1, { maxLosses: 2 });
  expect(numbers(bench.join('c', 4))).toEqual([['c', [1, 2]]]);
});

it('empties the client that holds least where none is empty, takes back what it has not begun, and leaves the others alone', () => {
  const bench = afterLosses(1, 1);
  bench.join('only', 1);
  const held = bench.core.clients()[0]!;
  expect(held.leased).toBe(1);
  bench.submit(tasks(6), 2);
  const [[, many] = []] = grants(bench.join('many', 4, { slots: 4 }));
  const [[, few] = [], [, ahead] = []] = grants(bench.join('few', 2, { slots: 1 }));
  lose(bench, 'only');
  expect(numbers(bench.turn())).toEqual([]);
  expect(bench.core.isHeldBack(1)).toBe(true);
  expect(bench.core.clients().map(({ id, keptFor }) => [id, keptFor?.n ?? null])).toEqual([
    ['many', null],
    ['few', 1],
  ]);
  // Whoever is emptied gets nothing more, whatever it wants; the other one does.
  bench.feed({ type: 'given-back', connection: 'few', given: [[ahead!, [7, 7]]] });
  bench.feed({ type: 'want', connection: 'few', sequence: 5, tasks: 9, free: 0 });
  bench.result('many', many!, 2);
  bench.feed({ type: 'want', connection: 'many', sequence: 5, tasks: 5, free: 1 });
  expect(numbers(bench.turn())).toEqual([['many', [7]]]);
  bench.result('few', few!, 6);
  expect(numbers(bench.turn())).toEqual([['few', [1]]]);
});

it('asks the client that is emptied for what it has not begun', () => {
  const bench = afterLosses(1, 1);
  bench.join('only', 1);
  bench.submit(tasks(6), 2);
  bench.join('busy', 6, { slots: 1 });
  bench.feed({ type: 'disconnected', connection: 'only' });
  bench.turn();
  expect(sent(bench.pass(2_000), 'busy', 'recall')).toEqual([['recall', 6]]);
});

it('keeps a quarter of the clients for suspects, and at least one', () => {
  const bench = afterLosses(8, 2);
  for (let i = 0; i < 8; i++) {
    const id = `c${i}`;
    bench.feed({
      type: 'client-connected',
      connection: id,
      id,
      host: 'host',
      capacity: { slots: 2, cores: null, memory: null, resources: {}, tags: {} },
    });
    bench.feed({ type: 'resume', connection: id, held: [] });
    bench.feed({ type: 'want', connection: id, sequence: 1, tasks: 2, free: 2 });
  }
  const turn = bench.turn();
  const more = bench.turn();
  expect([...grants(turn), ...grants(more)].map(([, , , list]) => list)).toEqual([[1], [2]]);
});

it('goes on when the suspect for which a client is emptied is cancelled, or the client goes', () => {
  for (const end of ['cancel', 'leave'] as const) {
    const bench = afterLosses(1, 1);
    bench.join('only', 1);
    bench.submit(tasks(2), 2);
    const [[, grant] = []] = grants(bench.join('c', 1));
    lose(bench, 'only');
    expect(bench.core.clients()[0]?.keptFor?.n).toBe(1);
    if (end === 'cancel') {
      bench.feed({ type: 'cancel', numbers: [1], rows: [] });
      bench.result('c', grant!, 2);
      bench.feed({ type: 'want', connection: 'c', sequence: 2, tasks: 2, free: 1 });
      expect(numbers(bench.turn())).toEqual([['c', [3]]]);
    } else {
      lose(bench, 'c');
      expect(numbers(bench.join('d', 1))).toEqual([['d', [1]]]);
    }
  }
});

it('keeps limits: a suspect waits for its turn, and what it shares is kept for it while its client is emptied', () => {
  const bench = new Bench({ maxLosses: 3, limits: [{ key: 'tenant', concurrency: 1, rate: null }] });
  const one = (args: string) => shell(args, { tags: { tenant: 'a' } });
  bench.submit([one('poison')]);
  for (const id of ['x', 'y']) {
    bench.join(id, 1);
    lose(bench, id);
  }
  bench.submit([one('next'), shell('other'), shell('another')], 2);
  const [[, grant, , list] = []] = grants(bench.join('c', 1));
  expect(list).toEqual([1]);
  const second = grants(bench.join('d', 2));
  // The tenant's other task waits for it.
  expect(second.map(([, , , n]) => n)).toEqual([[3, 4]]);
  bench.result('c', grant!, 1);
  bench.feed({ type: 'want', connection: 'c', sequence: 2, tasks: 2, free: 1 });
  expect(numbers(bench.turn())).toEqual([['c', [2]]]);
});

it('is alone also after a restart of the server', () => {
  const bench = afterLosses(2, 2);
  const [[, grant] = []] = grants(bench.join('c', 4));
  bench.restart();
  bench.feed({
    type: 'client-connected',
    connection: 'c',
    id: 'c',
    host: 'host',
    capacity: { slots: 4, cores: null, memory: null, resources: {}, tags: {} },
  });
  bench.feed({ type: 'resume', connection: 'c', held: [[grant!, [1, 1]]] });
  bench.feed({ type: 'want', connection: 'c', sequence: 1, tasks: 4, free: 3 });
  expect(numbers(bench.turn())).toEqual([]);
  bench.meet('c');
  bench.result('c', grant!, 1);
  expect(numbers(bench.turn())).toEqual([['c', [2]]]);
});

it('holds back only so many: where more lose their clients the others go out as ever', () => {
  const bench = afterLosses(300, 2, { window: { tasks: 1_000, bytes: 1e9 }, bundle: { tasks: 1_000, bytes: 1e9 } });
  expect(grants(bench.join('c', 300)).map(([, , , list]) => list.length)).toEqual([1]);
  // The place of the one that runs was taken by another.
  expect(grants(bench.join('d', 300)).map(([, , , list]) => list.length)).toEqual([300 - 1 - 256]);
});
