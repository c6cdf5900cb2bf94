/** Processes that stand still (SIGSTOP) and wake, a second server, a wall clock that jumps. */
import { steady } from './steady.mjs';

export const freezes = [
  {
    name: 'client-freeze',
    about: 'SIGSTOP of a client beyond evictAfter: its tasks go to others, and when it wakes its results are refused and counted',
    async run(world) {
      await world.begin({ clients: 3, client: { numTasks: 2 }, submit: { perSecond: 130 } });
      let frozen = 0;
      await world.during(async () => {
        await world.pause(200, 800);
        // Whoever runs it is stopped; it ends meanwhile. Most other tasks are over in some ms, or never end by themselves.
        const slow = (n, note) => ({ args: `${note}; sleep 1; echo out ${n}`, priority: 1 });
        const n = await world.submitOwn(slow, { kind: 'slow', outcome: 'succeeded', exitStatus: 0 });
        const runner = await world.until(() => world.executed().get(n)?.[0].client, 'a client at work');
        const client = world.clients.find(({ id }) => id === runner);
        world.accuse(client, 'evicted while its client stood still');
        client.signal('SIGSTOP');
        const { pid } = client;
        world.tally('freezes');
        await world.pause(2_600, 3_200);
        process.kill(pid, 'SIGCONT');
        await world.goesOn('after the client woke');
        frozen++;
      });
      await world.finish();
      const { duplicatesRefused } = world.summary ?? {};
      world.tally('results refused', duplicatesRefused);
      world.check(frozen > 0 && duplicatesRefused > 0, 'a client that wakes after its leases have ended must have results refused');
    },
  },
  {
    name: 'server-freeze',
    about: 'SIGSTOP of the server for longer than evictAfter: nothing runs again because of it',
    async run(world) {
      // Beyond evictAfter, and yet not so close to it that a busy machine alone would do the same to a client.
      await world.begin({ server: { evictAfter: 4, reconnectGrace: 15 } });
      let long = true;
      await world.during(async () => {
        await world.pause(300, 900);
        world.server.signal('SIGSTOP');
        world.tally(long ? 'long freezes' : 'short freezes');
        await (long ? world.pause(4_500, 5_500) : world.pause(300, 1_500));
        long = !long;
        world.server.signal('SIGCONT');
        await world.goesOn('after the server woke');
      });
      await world.finish();
    },
  },
  {
    name: 'second-server',
    about:
      'servers started on the same file are refused and steal nothing, also while the first stands still; the first one killed, one takes over',
    async run(world) {
      // No lease may end, however long the first stands still while another tries to start.
      await world.begin({ server: { foreverMode: false, ...steady } });
      const second = async () => {
        const options = { address: ['127.0.0.1', 0], database: world.database, auth: 'the key of somebody else', restartMode: true };
        const part = world.part('serve', options);
        const code = await part.hears('code');
        world.tally('servers refused');
        world.check(code === 'ERR_DATABASE_IN_USE', `a second server was refused with ${code}`);
        await part.exited;
      };
      await world.during(async () => {
        await world.pause(100, 400);
        await Promise.all([second(), second()]);
        world.server.signal('SIGSTOP');
        await second();
        world.server.signal('SIGCONT');
        await world.goesOn('beside a second server');
      });
      await world.server.kill();
      world.tally('server kills');
      await world.serve({ foreverMode: false, restartMode: true });
      await second();
      await world.finish();
    },
  },
  {
    name: 'clock-jump',
    about: 'the wall clock of all parts jumps by up to two hours, back and forth: no lease ends, no time-out comes early or late',
    async run(world) {
      const every = 700;
      const preload = new URL('../fixtures/clock.mjs', import.meta.url).href;
      const env = { NODE_OPTIONS: `--import=${preload}`, CHAOS_JUMP_EVERY: String(every), CHAOS_JUMP_SEED: String(world.seed) };
      await world.begin({ env, clients: 0, submit: false, server: steady });
      const stretch = () => Math.floor(Date.now() / every);
      const first = stretch();
      for (const i of [0, 1]) await world.work(i, {}, { env });
      await world.submit();
      await world.during(() => world.goesOn('while the clock jumps'));
      world.tally('jumps', stretch() - first);
      await world.finish();
    },
  },
];
