/**
 * How many function calls a second from the adding to the recorded end, when each is on disk? A function that does nothing, over loopback TCP
 * with an SQLite file and two threads, beside graphile-worker and pg-boss (PostgreSQL, `synchronous_commit` on) and BullMQ (Redis as it comes,
 * and with each write on disk). Rivals run the function in their own process without a thread. All get as many tasks: what warms up is compiled.
 */
import { compare } from './compare.mjs';
import { functionsOverTcp } from './contestants.mjs';
import { packageVersions, programVersion, quick } from './harness.mjs';
import { postgresFolder } from './needs.mjs';
import { bullmq } from './rivals/bullmq.mjs';
import { graphileWorker } from './rivals/graphile-worker.mjs';
import { pgBoss } from './rivals/pg-boss.mjs';

const name = 'functions, SQLite';
const rivals = {
  'graphile-worker': graphileWorker,
  'pg-boss': pgBoss,
  BullMQ: bullmq('redis'),
  'BullMQ, appendfsync always': bullmq('durable redis'),
};
const ahead = Object.keys(rivals).map((against) => ({
  what: `durable functions against ${against}`,
  case: name,
  contestant: 'millrace',
  against,
  least: 2.5,
}));

await compare(
  'functions',
  import.meta.url,
  [
    {
      name,
      tasks: quick ? 10_000 : 50_000,
      rounds: quick ? 1 : 5,
      contestants: { millrace: functionsOverTcp(true), ...rivals },
    },
  ],
  {
    bars: [
      { what: 'durable functions a second', case: name, contestant: 'millrace', of: 'rate', least: 60_000 },
      ...ahead,
      { what: 'durable functions, resident MB of all parts', case: name, contestant: 'millrace', of: 'peak MB', most: 200 },
    ],
    versions: () => [
      ...packageVersions(['graphile-worker', 'pg-boss', 'bullmq', 'libsql']),
      programVersion('redis-server'),
      programVersion(`${postgresFolder()}/postgres`),
    ],
  },
);
