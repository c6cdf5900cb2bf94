/** What networks do, by a proxy between the server and everybody else. */
import { steady } from './steady.mjs';

const proxied = { proxied: true };
const patient = { ...proxied, server: { ...steady, reconnectGrace: 10 } };

/** Every client may lose what it holds. */
function accuseAll(world, reason) {
  for (const client of world.clients) world.accuse(client, reason);
}

/** A silence of a direction, longer than evictAfter or not, then healed. */
function partition(name, about, directions) {
  return {
    name,
    about,
    async run(world) {
      await world.begin(proxied);
      let first = true;
      await world.during(async () => {
        await world.pause(300, 1_000);
        const long = first || world.random.chance(0.5);
        first = false;
        if (long) accuseAll(world, 'evicted while the network was silent');
        world.tally(long ? 'long silences' : 'short silences');
        world.proxy.silence(...directions);
        await (long ? world.pause(2_500, 3_500) : world.pause(100, 500));
        world.proxy.heal();
        await world.goesOn('after the network healed', 10, 30_000);
      });
      await world.finish();
    },
  };
}

export const networks = [
  {
    name: 'net-delay',
    about: 'every piece takes 10 to 120 ms: nothing runs again',
    async run(world) {
      await world.begin(patient);
      world.proxy.delay = () => world.random.between(10, 120);
      await world.during(() => world.goesOn('through a slow network'));
      await world.finish();
    },
  },
  {
    name: 'net-throttle',
    about: 'each connection carries 50 KB a second: nothing runs again',
    async run(world) {
      await world.begin({ ...patient, submit: { perSecond: 60 } });
      world.proxy.bytesPerSecond = 50_000;
      await world.during(() => world.goesOn('through a thin network'));
      world.proxy.bytesPerSecond = null;
      await world.finish();
    },
  },
  {
    name: 'net-cut',
    about: 'connections are cut at random bytes, all the time; clients come back at once, so nothing runs again',
    async run(world) {
      await world.begin(patient);
      world.proxy.cutAfter = () => world.random.whole(300, 20_000);
      world.proxy.cut();
      await world.during(async () => {
        await world.pause(100, 600);
        if (world.random.chance(0.3)) world.proxy.cut();
      });
      await world.until(() => world.proxy.counts.cuts > 5, 'connections that are cut');
      world.proxy.cutAfter = null;
      world.proxy.cut();
      await world.finish();
      world.tally('cuts', world.proxy.counts.cuts);
    },
  },
  {
    name: 'net-half-open',
    about: 'one side of every connection ends, and the other is not told',
    async run(world) {
      await world.begin(proxied);
      await world.during(async () => {
        await world.pause(400, 1_200);
        const side = world.random.pick(['near', 'far']);
        // Who is not told notices after evictAfter: a client that waits so long for its server has lost its leases by then.
        accuseAll(
          world,
          side === 'near'
            ? 'evicted: the server was not told of a new connection'
            : 'evicted: its client did not know that its connection was gone',
        );
        world.proxy.halve(side);
        await world.goesOn(`after only the ${side === 'near' ? 'clients' : 'server'} heard of the end`, 10, 30_000);
      });
      world.tally('halved', world.proxy.counts.cuts);
      await world.finish();
    },
  },
  partition('net-partition', 'nothing passes in either direction, and nobody is told; then it does again', ['up', 'down']),
  partition('net-one-way-up', 'nothing reaches the server, and nobody is told; then it does again', ['up']),
  partition('net-one-way-down', 'nothing comes from the server, and nobody is told; then it does again', ['down']),
];
