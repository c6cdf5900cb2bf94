/** A client that runs out of open files, of memory, of processes. */
import { readdirSync } from 'node:fs';
import { Group, needs, run } from '../machine.mjs';
import { steady } from './steady.mjs';

export const limits = [
  {
    name: 'few-files',
    about: 'a client may open hardly a file more (EMFILE): its tasks wait, none is lost and none loses its output',
    needs: needs.limits,
    async run(world) {
      await world.begin({ clients: 2, server: steady });
      const { pid } = world.clients[0];
      const limit = (count) => run('prlimit', '--pid', String(pid), `--nofile=${count}:`);
      await world.during(async () => {
        await world.pause(200, 500);
        // Numbers of files are given from below: hardly one is left.
        const highest = Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number));
        limit(highest + world.random.whole(1, 3));
        world.tally('limits');
        await world.pause(600, 1_800);
        limit(1_024);
        await world.goesOn('after there were files again');
      });
      await world.finish();
    },
  },
  {
    name: 'few-processes',
    about:
      'a client may start no process more (EAGAIN) and a fork bomb goes off in it: tasks wait, the bomb ends at its time-out, the rest goes on',
    needs: needs.group('pids'),
    async run(world) {
      const group = new Group('pids', world.mark);
      world.later(() => group.remove());
      // Commands that start processes themselves would fail by themselves.
      world.style = 'forkless';
      // Whichever client gets the bomb: none may fill the machine.
      const other = new Group('pids', `${world.mark}-other`);
      world.later(() => other.remove());
      await world.begin({ clients: 0, submit: false, server: steady });
      await Promise.all([world.work(0, {}, { wrapper: other.wrapper }), world.work(1, {}, { wrapper: group.wrapper })]);
      await world.submit();
      other.limit(other.current + 60);
      group.limit(group.current + 60);
      // The command itself starts nothing after it, so that it cannot fail before its time is up.
      const bomb = (_, note) => ({ args: `${note}; (b() { b | b & wait; }; b) & exec sleep 60`, timeout: 1 });
      await world.submitOwn(bomb, { kind: 'bomb', outcome: 'timeout' });
      world.tally('fork bombs');
      await world.goesOn('beside a fork bomb');
      await world.during(async () => {
        group.limit(Math.max(1, group.current - world.random.whole(0, 3)));
        world.tally('limits');
        await world.pause(600, 1_800);
        group.limit('max');
        await world.goesOn('after there were processes again');
        await world.pause(100, 500);
      });
      await world.finish();
    },
  },
  {
    name: 'few-memory',
    about:
      'a client whose function eats its memory is killed by the kernel for it: the task ends as lost after maxLosses, a command that does so fails, the rest goes on',
    needs: needs.group('memory'),
    async run(world) {
      const groups = [0, 1].map((i) => new Group('memory', `${world.mark}-${i}`));
      for (const group of groups) {
        world.later(() => group.remove());
        // A client has less than half of it: what fills the rest is larger, and so what the kernel ends.
        group.limit(360 * 2 ** 20);
      }
      await world.begin({ clients: 0, server: { maxLosses: 3, evictAfter: 10 }, submit: false });
      const start = (i) => world.work(i, {}, { wrapper: groups[i].wrapper });
      await Promise.all([start(0), start(1)]);
      await world.submit({ perSecond: 40 });
      let over = false;
      // Whoever looks after clients starts them again.
      const minded = [0, 1].map(async (i) => {
        while (!over) {
          const client = world.clients[i];
          await Promise.race([client.exited, world.until(() => over, 'the end', 120_000)]);
          if (over) return;
          client.killedBy = 'the kernel';
          world.accuse(client, 'lost with its client, which had no memory left');
          world.tally('clients out of memory');
          await start(i);
        }
      });
      const module = new URL('../fixtures/functions.mjs', import.meta.url);
      const first = await world.submitOwn((n) => ({ module, name: 'devour', args: [n, world.runs] }), { kind: 'devour', outcome: 'lost' });
      // The kernel ends the largest process of the group: the command's own.
      const command = (_, note) => ({ args: `${note}; exec tail /dev/zero` });
      await world.submitOwn(command, { kind: 'command', outcome: 'failed', signal: 'SIGKILL' });
      await world.during(() => world.goesOn('beside a task that eats all memory', 5, 40_000));
      const ended = async () => (await world.asked((server) => server.tasks.count({ where: [`tag.n >= ${first}`], state: 'done' }))) === 2;
      await world.until(() => ended().catch(() => false), 'the ends of the tasks that eat memory', 60_000);
      await world.goesOn('after it');
      over = true;
      await Promise.all(minded);
      await world.finish();
      world.check(
        world.harm['clients out of memory'] === 3,
        `a task with maxLosses 3 ended ${world.harm['clients out of memory']} clients`,
      );
    },
  },
];
