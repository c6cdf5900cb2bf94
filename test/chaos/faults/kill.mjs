/** `kill -9`: of the server, of clients, of the submitter, of a host that is everything, of all of them. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { runsIn } from '../examine.mjs';
import { steady } from './steady.mjs';

/** A server that is started again ends by itself when the submitter has ended and nothing is pending. */
const endsItself = { foreverMode: false };
const again = { foreverMode: false, restartMode: true };

async function killServer(world) {
  await world.server.kill();
  world.tally('server kills');
  await world.pause(0, 500);
  await world.serve(again);
}

async function killClient(world) {
  const i = world.random.whole(0, world.clients.length - 1);
  const client = world.clients[i];
  world.accuse(client, 'lost with its client, which was killed');
  await client.kill();
  world.tally('client kills');
  await world.pause(0, 500);
  await world.work(i);
}

export const kills = [
  {
    name: 'server-kill',
    about: 'kill -9 of the server at random moments, started again at its address: nothing runs again',
    async run(world) {
      await world.begin({ server: { ...endsItself, ...steady } });
      await world.during(async () => {
        await world.pause(300, 1_500);
        await killServer(world);
      }, 2);
      // No client has a reason to lose a lease: a task that ran more than once is told as wrong.
      await world.finish();
    },
  },
  {
    name: 'client-kill',
    about: 'kill -9 of clients at random moments: their tasks go to others, their processes end',
    async run(world) {
      // Whose connection closes is given up after the grace; those who live on are not, however slow the machine is.
      await world.begin({ clients: 3, server: { evictAfter: 10 } });
      await world.during(async () => {
        await world.pause(200, 1_200);
        await killClient(world);
      }, 2);
      await world.finish();
    },
  },
  {
    name: 'all-kill',
    about: 'kill -9 of the server and of clients, also both at once',
    async run(world) {
      // Clients and the submitter of a server that is back have so long to find it, and whoever was killed with it is waited for as long.
      await world.begin({ server: { ...endsItself, evictAfter: 6, reconnectGrace: 5 } });
      await world.during(async (times) => {
        await world.pause(200, 1_000);
        if (times === 0 || world.random.chance(0.3))
          await Promise.all([killServer(world), world.pause(0, 50).then(() => killClient(world))]);
        else if (world.random.chance(0.5)) await killServer(world);
        else await killClient(world);
      });
      await world.finish();
    },
  },
  {
    name: 'submitter-kill',
    about: 'kill -9 of the submitter half way: what it had acknowledged is there, and submitting again by key completes it',
    async run(world) {
      const most = Math.round(world.seconds * 120);
      let acknowledged = 0;
      let given = 0;
      for (let kills = 0; kills < 2; kills++) {
        const part = (share) => Math.round((most * (kills + share)) / 3);
        // It gives no more than that until it is told to go on, which it never is: it is killed half way, however slow whoever kills it.
        const submission = { keyed: true, most: part(0.9), held: true, record: join(world.folder, `given-${kills}`) };
        if (kills === 0) await world.begin({ submit: submission });
        else await world.submit({ ...submission, perSecond: 400 });
        const enough = part(world.random.between(0.2, 0.8));
        const count = () => world.asked((server) => server.tasks.count());
        await world.until(async () => (await count()) > enough, 'submissions');
        await world.submitter.kill();
        world.tally('submitter kills');
        // Of each submitter, what nobody had submitted before.
        acknowledged += world.submitter.last('acknowledged');
        given = Math.max(given, statSync(submission.record).size);
        const stored = await count();
        world.check(stored >= acknowledged, `${acknowledged} tasks were acknowledged, and ${stored} are stored`);
        world.check(stored <= given, `${given} tasks were given, and ${stored} are stored`);
        world.check(given < most, 'the submitter was not killed half way');
      }
      await world.submit({ keyed: true, most, perSecond: 1_000 });
      const { duplicates, submitted } = await world.submitter.hears('receipt');
      world.check(duplicates >= acknowledged, `${acknowledged} tasks were acknowledged, and ${duplicates} of them known`);
      world.check(duplicates + submitted === most, `${most} tasks were given again, ${duplicates} were known and ${submitted} new`);
      await world.finish();
    },
  },
  {
    name: 'host-kill',
    about: 'kill -9 of a host that is source, server and client in one process; the same call again completes it',
    async run(world) {
      const most = Math.round(world.seconds * 60);
      // A function knows its process and not its client's id.
      world.style = 'shell';
      world.count = most;
      const { tasks, database, folder } = world;
      const options = { tasks, most, database, numTasks: 3, taskSignalwait: 0.2, reconnectGrace: 0.5, maxLosses: 1_000 };
      const host = () => world.part('host', options, { env: { TMPDIR: join(folder, 'spool') } });
      for (let kills = 0; kills < 3; kills++) {
        const part = host();
        const before = world.noted();
        await world.until(() => part.over || world.noted() > before, 'work');
        await world.pause(100, (world.seconds * 1000) / 4);
        if (part.over) break;
        await part.kill();
        world.tally('host kills');
      }
      const part = host();
      world.summary = await part.hears('summary');
      await part.exited;
      const last = runsIn(world.runs, world.clientOfProcess).last;
      world.blame = { get: (client) => (client === last ? undefined : 'lost with its host, which was killed') };
    },
  },
];
