/** A client behind a network of its own (a namespace): its cable is pulled, or its packets get lost. */
import { needs, run } from '../machine.mjs';

/** A namespace with a cable to this machine: `{ inside, outside }` addresses, the words that start a command in it, and the cable's two ends. */
function divide(world) {
  // At most 15 characters for a cable's end; an address of its own for each run at a time.
  const name = `mr${process.pid}`;
  const net = `10.213.${process.pid % 250}`;
  const cable = { near: `${name}a`, far: `${name}b`, inside: `${net}.2`, outside: `${net}.1` };
  run('ip', 'netns', 'add', name);
  world.later(() => run('ip', 'netns', 'del', name));
  const within = (...words) => run('ip', 'netns', 'exec', name, ...words);
  run('ip', 'link', 'add', cable.near, 'type', 'veth', 'peer', 'name', cable.far, 'netns', name);
  run('ip', 'addr', 'add', `${cable.outside}/24`, 'dev', cable.near);
  run('ip', 'link', 'set', cable.near, 'up');
  within('ip', 'addr', 'add', `${cable.inside}/24`, 'dev', cable.far);
  within('ip', 'link', 'set', cable.far, 'up');
  within('ip', 'link', 'set', 'lo', 'up');
  return { cable, within, wrapper: ['ip', 'netns', 'exec', name] };
}

/** A server that is reached by the cable; client 1 is behind it. */
async function beginDivided(world, server = {}) {
  const divided = divide(world);
  world.host = divided.cable.outside;
  await world.begin({ clients: 1, server });
  await world.work(1, {}, { wrapper: divided.wrapper });
  return divided;
}

export const namespaces = [
  {
    name: 'cable-pulled',
    about:
      'the cable of a client behind a network of its own is pulled and put back: nobody is told, its tasks go to others, and it comes back',
    needs: needs.namespaces,
    async run(world) {
      // Long enough that the other client is not given up, however slow the machine is.
      const { cable } = await beginDivided(world, { evictAfter: 4 });
      await world.during(async () => {
        await world.pause(200, 800);
        world.accuse(world.clients[1], 'evicted while its cable was pulled');
        run('ip', 'link', 'set', cable.near, 'down');
        world.tally('cables pulled');
        await world.pause(4_300, 5_000);
        await world.goesOn('beside a client whose cable is pulled');
        run('ip', 'link', 'set', cable.near, 'up');
        await world.pause(300, 800);
      });
      await world.finish();
    },
  },
  {
    name: 'packet-loss',
    about: 'a tenth of the packets of a client gets lost, the others are late and out of order: nothing runs again',
    needs: needs.loss,
    async run(world) {
      const { cable, within } = await beginDivided(world, { evictAfter: 20, reconnectGrace: 20 });
      const lose = ['root', 'netem', 'loss', '10%', 'delay', '20ms', '15ms'];
      run('tc', 'qdisc', 'add', 'dev', cable.near, ...lose);
      within('tc', 'qdisc', 'add', 'dev', cable.far, ...lose);
      await world.during(() => world.goesOn('through a network that loses packets'));
      run('tc', 'qdisc', 'del', 'dev', cable.near, 'root');
      within('tc', 'qdisc', 'del', 'dev', cable.far, 'root');
      await world.finish();
    },
  },
];
