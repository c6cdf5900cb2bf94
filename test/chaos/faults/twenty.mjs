/** `kill -9` of the server twenty times during 20,000 tasks. */
import { steady } from './steady.mjs';

export const twentyKills = {
  name: 'server-kill-20',
  about: 'kill -9 of the server 20 times at random moments of 20,000 tasks: one outcome each, and no task runs again because of it',
  /** Longer than the others: begun first. */
  long: true,
  async run(world) {
    const kills = 20;
    const most = 20_000;
    world.style = 'lean';
    const again = { foreverMode: false, restartMode: true };
    await world.begin({
      server: { foreverMode: false, ...steady },
      client: { numTasks: 4 },
      // Its end is the server's: it is told to when all clients are back.
      submit: { most, perSecond: 1e9, bundlesize: 100, held: true },
    });
    // The bytes that all tasks together note, about: each kill falls into its own twentieth of the work, somewhere.
    const bytes = most * `${most}:1:${world.clients[0].id}\n`.length;
    for (let kill = 0; kill < kills; kill++) {
      const at = (bytes * (kill + world.random.between(0.1, 0.9))) / (kills + 1);
      await world.until(() => world.noted() >= at, `the moment of kill ${kill + 1}`, 60_000);
      await world.pause(0, 30);
      await world.server.kill();
      world.tally('server kills');
      await world.serve(again);
    }
    await world.finish();
    world.check(world.count === most, `${world.count} tasks were given, not ${most}`);
    world.check(world.harm['server kills'] === kills, 'the server was not killed as often as said');
  },
};
