/** `kill -9`: of the server, of clients, of the submitter, of a host that is everything, of all of them. */
import { join } from 'node:path';
import { runsIn } from '../examine.mjs';

/** A server that is started again ends by itself when the submitter has ended and nothing is pending. */
const endsItself = { foreverMode: false };
/** Nothing may run again: a machine that does other things too may take its time to start a server. */
const patient = { ...endsItself, evictAfter: 10, reconnectGrace: 5 };
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
      await world.begin({ server: patient });
      await world.during(async () => {
        await world.pause(300, 1_500);
        await killServer(world);
      }, 2);
      await world.finish();
      world.check(world.blame.size === 0, 'no client may be given up for a kill of the server');
    },
  },
  {
    name: 'client-kill',
    about: 'kill -9 of clients at random moments: their tasks go to others, their processes end',
    async run(world) {
      await world.begin({ clients: 3 });
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
      await world.begin({ server: endsItself });
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
      const submission = { keyed: true, most };
      await world.begin({ submit: { ...submission } });
      let acknowledged = 0;
      for (let kills = 0; kills < 2; kills++) {
        await world.until(
          () => world.submitter.last('acknowledged') > (most * (kills + world.random.between(0.2, 0.8))) / 3,
          'submissions',
        );
        await world.submitter.kill();
        world.tally('submitter kills');
        acknowledged = Math.max(acknowledged, world.submitter.last('acknowledged'));
        const stored = await world.asked((server) => server.tasks.count());
        world.check(stored >= acknowledged, `${acknowledged} tasks were acknowledged, and ${stored} are stored`);
        const { given } = world.submitter.said.at(-1);
        // What was on its way when it was killed may be there: at most what was given since.
        world.check(stored <= given + 200, `${given} tasks were given, and ${stored} are stored`);
        await world.submit({ ...submission, perSecond: 1_000 });
      }
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
