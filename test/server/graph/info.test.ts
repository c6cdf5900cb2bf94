import { expect, test } from 'vitest';
import type { GraphClient } from '../../../src/graph/entities.ts';
import { FramePacker } from '../../../src/protocol/codec.ts';
import { defaultLimits } from '../../../src/protocol/limits.ts';
import { serverInfo } from '../../../src/server/graph/info.ts';

test('what lies where is told in one message, also when it is more than a million objects', () => {
  const count = 1_200_000;
  const nodes = (session: number): Map<number, unknown> =>
    new Map(Array.from({ length: count / 2 }, (_, at) => [session * count + at, { session: { n: session }, id: at + 1 }]));
  const client = {
    id: 'one',
    capacity: { slots: 2, cores: null, memory: null, resources: {} },
    runs: new Map([[7, { session: { n: 2 }, id: 7 }]]),
    held: new Map([...nodes(1), ...nodes(2)]),
  } as unknown as GraphClient;
  const info = serverInfo([client], () => 'here');
  const [told] = info.clients;
  expect(told?.tasks).toEqual([[2, 7]]);
  expect(told?.objects.map((list) => [list[0], list.length, list.at(-1)])).toEqual([
    [1, count / 2 + 1, count / 2],
    [2, count / 2 + 1, count / 2],
  ]);
  expect(() => new FramePacker(defaultLimits).add(['=', 1, info])).not.toThrow();
});
