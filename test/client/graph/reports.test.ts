import { expect, test } from 'vitest';
import { Reports } from '../../../src/client/graph/reports.ts';
import type { GraphRun } from '../../../src/client/graph/run.ts';
import type { ClientGraphEvents, WireEnd } from '../../../src/protocol/graph-work.ts';

const failed = (run: number, stderr: string): GraphRun =>
  ({
    number: run,
    state: 'ended',
    end: [run, 1, 'ERR_TASK_FAILED', 'it failed', '', stderr, 0, 0] satisfies WireEnd,
  }) as unknown as GraphRun;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('ends that are more than a message holds are told in several, also on a new connection, each once and in order', async () => {
  const told: ClientGraphEvents['graph.ended'][] = [];
  let online = true;
  const reports = new Reports({
    online: () => online,
    send: (name, value) => {
      if (name === 'graph.ended') told.push(value as ClientGraphEvents['graph.ended']);
    },
  });
  const runs = Array.from({ length: 100 }, (_, at) => failed(at, 'x'.repeat(400_000)));
  for (const run of runs) reports.ended(run);
  await turn();
  expect(told.map(({ sequence, ends }) => [sequence, ends.length])).toEqual(
    [11, 11, 11, 11, 11, 11, 11, 11, 11, 1].map((count, at) => [at + 1, count]),
  );
  expect(told.flatMap(({ ends }) => ends.map(([run]) => run))).toEqual(runs.map(({ number }) => number));
  expect(reports.answered(3).map(({ number }) => number)).toEqual(runs.slice(0, 33).map(({ number }) => number));

  online = false;
  reports.ended(failed(100, ''));
  await turn();
  online = true;
  told.length = 0;
  const { sequence, runs: anew, before, ends } = reports.anew();
  expect([sequence, ...before.map(({ length }) => length), ends.length]).toEqual([11, 11, 11, 11, 11, 11, 11, 2]);
  await turn();
  expect(told).toEqual([]);
  expect([...before.flat(), ...ends].map(([run]) => run)).toEqual(Array.from({ length: 68 }, (_, at) => 33 + at));
  expect(reports.answered(11)).toEqual(anew);
  expect(reports.anew()).toEqual({ sequence: 12, runs: [], before: [], ends: [] });
});
