import { expect, it } from 'vitest';
import { runLocal, type TaskResult } from '../../dist/index.js';
import { until } from '../support/until.ts';
import { runAll, startClient, startPair, startServer } from './rig.ts';

const spans = new URL('./fixtures/spans.mjs', import.meta.url);
const perTenant = { key: 'tenant', concurrency: 1 };

/** How often two of one tenant ran at once, by `[start, end]` of each. */
function overlaps(results: readonly TaskResult[], spanOf: (result: TaskResult) => readonly [number, number]): number {
  const byTenant = new Map<unknown, (readonly [number, number])[]>();
  for (const result of results) {
    const tenant = result.tags.tenant;
    byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), spanOf(result)]);
  }
  let found = 0;
  for (const list of byTenant.values()) {
    // Of two that began within the same tick of the clock, the one that ended first was first.
    list.sort(([a, endOfA], [b, endOfB]) => a - b || endOfA - endOfB);
    for (let i = 1; i < list.length; i++) if (list[i]![0] < list[i - 1]![1]) found++;
  }
  return found;
}

const tenants = (count: number, ms = 0) =>
  Array.from({ length: count }, (_, i) => ({ module: spans, name: 'span', args: [ms], tags: { tenant: i % 50 } }));

it('never runs two of a tenant at once, on clients of many slots, and loses nothing', async () => {
  const server = await startServer({ limits: perTenant });
  const clients = [await startClient(server, { numTasks: 3 }), await startClient(server, { numTasks: 3 })];
  const ends = server.results();
  await server.submit(tenants(400, 2)); // When both are there: the first one could have done it all while the second started.
  const results: TaskResult[] = [];
  for await (const result of ends) results.push(result);
  expect(await server.join()).toMatchObject({ submitted: 400, succeeded: 400 });
  expect(overlaps(results, ({ value }) => value as [number, number])).toBe(0);
  expect(new Set(results.map(({ clientId }) => clientId)).size).toBe(clients.length);
}, 30_000);

it('runs 10,000 tasks of 50 tenants one at a time each, and not much slower than without the limit', async () => {
  const results: TaskResult[] = [];
  const watched = await runAll(tenants(10_000), { limits: perTenant, onResult: (result) => void results.push(result) });
  expect(watched.summary.succeeded).toBe(10_000);
  expect(overlaps(results, ({ value }) => value as [number, number])).toBe(0);
  // Start and end as the results have them, by a clock of whole milliseconds.
  expect(overlaps(results, ({ startedAt, durationMs }) => [startedAt!, startedAt! + durationMs - 1])).toBe(0);
  // Two runs of a second each, one after the other: what else the machine does slows one of them in some rounds, not always the same one.
  const ratios: number[] = [];
  for (let round = 0; round < 8 && Math.max(0, ...ratios) <= 0.75; round++) {
    const free = await runLocal(tenants(10_000), { numTasks: 2 });
    const limited = await runLocal(tenants(10_000), { numTasks: 2, limits: perTenant });
    ratios.push(limited.tasksPerSecond / free.tasksPerSecond);
  }
  expect(Math.max(...ratios), `${ratios} of the rate without the limit`).toBeGreaterThan(0.75);
}, 120_000);

it('starts no more than its rate lets', async () => {
  const tasks = Array.from({ length: 12 }, () => ({ module: spans, name: 'span', tags: { api: 'x' } }));
  const server = await startServer({ source: tasks, limits: { key: 'api', rate: '10/s' } });
  await server.pause();
  await startClient(server, { numTasks: 4 });
  const begun = performance.now();
  await server.resume();
  expect(await server.join(15)).toMatchObject({ succeeded: 12 });
  // Ten at once, the eleventh after a tenth of a second, the twelfth after another one: from before the first to after the last, as events may come late.
  expect(performance.now() - begun).toBeGreaterThan(190);
});

it('explain names the limit that stops a task, and the most that a client has of what it asks for', async () => {
  const { server } = await startPair({ limits: perTenant }, { numTasks: 3, cores: 2 });
  const { ids } = await server.submit([
    { args: 'sleep 5', tags: { tenant: 'a' } },
    { args: 'true', tags: { tenant: 'a' } },
    { args: 'true', cores: 64 },
  ]);
  const why = async (place: number): Promise<string> => (await server.tasks.explain(ids?.[place] ?? '')).reasons.join();
  await until(async () => (await why(1)).includes('the limit on tenant "a" is reached'));
  const asked = performance.now();
  expect(await why(2)).toMatch(/64 cores; no connected client has that: the most that one has is 2 cores/);
  expect(performance.now() - asked).toBeLessThan(1_000);
  await server.cancel(ids ?? []);
});

it('a client with little time left gets no task that may run longer, and explain says so', async () => {
  const { server } = await startPair({}, { walltime: 30 });
  const { ids } = await server.submit([{ args: 'true', timeout: '10m' }, { args: 'true', timeout: 5 }, 'true']);
  await until(async () => (await server.progress()).succeeded === 2);
  const { reasons } = await server.tasks.explain(ids?.[0] ?? '');
  expect(reasons.join()).toMatch(/may run for 600000 ms .*walltime/);
  await startClient(server, { walltime: '1h' });
  await until(async () => (await server.progress()).succeeded === 3);
});
