/**
 * What a task graph costs: tiny tasks in graphs of several shapes, beside dask.distributed, from the submission to the end; what submitting alone costs; bytes a
 * second from client to client; the memory of a long line of objects. Server, two clients of one slot each and the program over loopback TCP, in one process
 * with a thread for each; the graph is made before the clock begins.
 */
import { compare } from './compare.mjs';
import { programVersion, quick } from './harness.mjs';
import { dask } from './rivals/dask.mjs';

const megabyte = 1e6;

/** `body(session, cluster)` between the start of everything and its end. */
async function inSession(clients, body) {
  const [{ ClientThread, ServerThread }, { Client }] = await Promise.all([import('../dist/index.js'), import('../dist/session/index.js')]);
  const server = await ServerThread.new({ address: 'localhost:0', foreverMode: true });
  const workers = await Promise.all(clients.map((options) => ClientThread.new({ address: server.address, numTasks: 1, ...options })));
  const client = new Client(server.address.host, server.address.port);
  const session = await client.newSession('benchmark');
  await session.run(body);
  await client.close();
  await Promise.all(workers.map((worker) => worker.stop()));
  await server.stop();
}

const both = [{}, {}];

/** A graph from its submission until its last output has been read, when one like `first` has gone through: by then the threads of its functions stand, as the rival's workers do. */
const shape = (name, first = 'fanIn') => ({
  async run(count, clock) {
    const shapes = await import('./graph-shapes.mjs');
    await inSession(both, async (session) => {
      shapes[first](100);
      await session.submit();
      await session.waitAll();
      const end = shapes[name](count).keep();
      clock.begin();
      await session.submit();
      const bytes = await end.fetch();
      clock.end();
      if ((await bytes.getBytes()).length !== 0) throw new Error('nothing joined with nothing is something');
    });
  },
});

/** Tasks and their outputs, until the server has accepted all of them; nobody runs them. */
const submission = {
  async run(nodes, clock) {
    const shapes = await import('./graph-shapes.mjs');
    await inSession([], async (session) => {
      shapes.layered(Math.round(nodes / 2));
      clock.begin();
      await session.submit();
      clock.end();
    });
  },
};

/** Objects of 32 MB that lie on one client and are wanted on the other. */
const transfers = {
  async run(megabytes, clock) {
    const { blob, tasks } = await import('../dist/session/index.js');
    const size = 32;
    await inSession([{ resources: { source: 1 } }, { resources: { target: 1 } }], async (session) => {
      const part = blob(Buffer.alloc(megabyte, 7));
      const parts = Array.from({ length: size }, () => part);
      const made = Array.from({ length: Math.ceil(megabytes / size) }, () => tasks.concat(parts, { resources: { source: 1 } }));
      for (const { output } of made) output.keep();
      await session.submit();
      await session.waitAll();
      for (const task of made) tasks.sleep(0, task, { resources: { target: 1 } });
      clock.begin();
      await session.submit();
      await session.waitAll();
      clock.end();
    });
  },
};

/** Objects of 10 kB, each made by a task, read by another one and let go; 1,000 at a time are submitted. */
const passing = {
  async run(objects, clock) {
    const { blob, tasks } = await import('../dist/session/index.js');
    await inSession(both, async (session) => {
      const parts = Array.from({ length: 10 }, () => blob(Buffer.alloc(1_000, 7)));
      clock.begin();
      for (let from = 0; from < objects; from += 1_000) {
        for (let i = from; i < Math.min(objects, from + 1_000); i++) tasks.sleep(0, tasks.concat(parts));
        await session.submit();
        await session.waitAll();
      }
      clock.end();
    });
  },
};

const rounds = quick ? 1 : 2;
const some = (many) => (quick ? Math.ceil(many / 10) : many);
/** Shapes that dask.distributed has its turn in; its start takes long. */
const rivalled = quick ? ['layered'] : ['layered', 'chain', 'fan-in', 'tree'];
/** It takes long for many tasks too: it gets a part of them. */
const rival = (name, share) => (rivalled.includes(name) ? { 'dask.distributed': { ...dask(name), share } } : {});

await compare(
  'graph',
  import.meta.url,
  [
    {
      name: 'layered',
      tasks: some(100_000),
      rounds,
      contestants: { millrace: shape('layered'), ...rival('layered', 0.02) },
    },
    {
      name: 'layered, functions in threads',
      tasks: some(20_000),
      rounds,
      contestants: { millrace: shape('layeredFunctions', 'layeredFunctions'), ...(quick ? {} : rival('layered', 0.1)) },
    },
    { name: 'chain', tasks: some(10_000), rounds, contestants: { millrace: shape('chain'), ...rival('chain', 0.2) } },
    { name: 'fan-in', tasks: some(10_000), rounds, contestants: { millrace: shape('fanIn'), ...rival('fan-in', 0.2) } },
    {
      name: 'tree',
      tasks: quick ? 4_095 : 65_535,
      rounds,
      // A power of two less one, as ours.
      contestants: { millrace: shape('tree'), ...rival('tree', 2_047 / 65_535) },
    },
    { name: 'submission', tasks: some(200_000), rounds, contestants: { millrace: submission } },
    { name: 'MB between clients', tasks: quick ? 160 : 1_600, rounds, contestants: { millrace: transfers } },
    { name: 'objects of 10 kB', tasks: some(100_000), rounds: 1, contestants: { millrace: passing } },
  ],
  {
    bars: [
      { what: 'tasks of a layered graph a second: 50 µs each', case: 'layered', contestant: 'millrace', of: 'rate', least: 20_000 },
      { what: 'links of a chain a second: 150 µs each', case: 'chain', contestant: 'millrace', of: 'rate', least: 6_667 },
      { what: 'tasks of a fan-in a second: 50 µs each', case: 'fan-in', contestant: 'millrace', of: 'rate', least: 20_000 },
      { what: 'tasks of a tree a second: 50 µs each', case: 'tree', contestant: 'millrace', of: 'rate', least: 20_000 },
      { what: 'tasks and objects submitted a second', case: 'submission', contestant: 'millrace', of: 'rate', least: 100_000 },
      { what: 'MB a second between clients', case: 'MB between clients', contestant: 'millrace', of: 'rate', least: 500 },
      { what: 'peak MB while objects of 10 kB pass', case: 'objects of 10 kB', contestant: 'millrace', of: 'peak MB', most: 300 },
      ...[...rivalled, ...(quick ? [] : ['layered, functions in threads'])].map((name) => ({
        what: `${name} against dask.distributed`,
        case: name,
        contestant: 'millrace',
        against: 'dask.distributed',
        least: 1,
      })),
    ],
    versions: () => [
      `dask.distributed ${programVersion('/usr/bin/python3', ['-c', 'import distributed; print(distributed.__version__)']).split(' ')[1]}`,
    ],
  },
);
