/** What a turn looks at: the clients that moved, however many others there are; and that those get what there is, least loaded first. */
import { afterEach, expect, it } from 'vitest';
import { CoreClient } from '../../../src/server/core/entities.ts';
import { Bench, grants, shell } from './harness.ts';

const credit = Object.getOwnPropertyDescriptor(CoreClient.prototype, 'credit')!;

afterEach(() => {
  Object.defineProperty(CoreClient.prototype, 'credit', credit);
});

/** How often a turn asks some client for its credit. */
function looksOf(turn: () => void): number {
  let looks = 0;
  Object.defineProperty(CoreClient.prototype, 'credit', {
    ...credit,
    get(this: CoreClient) {
      looks++;
      return credit.get!.call(this);
    },
  });
  turn();
  Object.defineProperty(CoreClient.prototype, 'credit', credit);
  return looks;
}

function crowd(clients: number, options: ConstructorParameters<typeof Bench>[0] = {}, capacity = {}): Bench {
  const bench = new Bench(options);
  bench.unchecked = true;
  for (let i = 0; i < clients; i++) bench.join(`client-${i}`, 4, capacity);
  return bench;
}

it('looks at no idle client beside the one that gets the task', () => {
  const looks = [10, 500].map((clients) => {
    const bench = crowd(clients);
    return looksOf(() => void bench.submit([shell('a')]));
  });
  expect(looks[1]).toBe(looks[0]);
});

it('looks at no busy client beside the one that has ended something', () => {
  const looks = [10, 500].map((clients) => {
    const bench = crowd(clients, { window: { tasks: 5_000, bytes: 1e7 } });
    const [first] = grants(bench.submit(Array.from({ length: clients * 4 }, (_, i) => shell(`${i}`))));
    const [id, grant, , numbers] = first!;
    bench.result(id, grant, numbers[0]!);
    return looksOf(() => void bench.turn());
  });
  expect(looks[1]).toBe(looks[0]);
});

it('asks one of many equal clients whether it can hold what stands in the queue, not each', () => {
  const looks = [10, 500].map((clients) => {
    const bench = crowd(clients, {}, { cores: 2 });
    bench.submit([shell('large', { cores: 8 })]);
    return looksOf(() => void bench.submit([shell('large too', { cores: 8 })], 2));
  });
  expect(looks[1]).toBe(looks[0]);
});
