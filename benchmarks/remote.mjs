/**
 * What a call of a remote object costs, over loopback to another process: one after the other, 100 at a time, in batches, without an answer, as items of a
 * stream, with 5 MiB of bytes. Beside a bare TCP ping-pong (the least that there is), capnweb over WebSocket, grpc-js, Comlink (a thread, no socket) and
 * Pyro4, which calls itself in Python.
 */
import { compare } from './compare.mjs';
import { packageVersions, programVersion, quick } from './harness.mjs';
import { capnweb, comlink, grpc, millrace, pyro, tcp } from './rivals/remote-clients.mjs';

const size = 5 * 2 ** 20;
const check = (value, expected) => {
  if (value !== expected) throw new Error(`${value} in place of ${expected}`);
};

/** `work(client, tasks)` is timed; a little of it comes first. */
const contestant = (open, work, needs = []) => ({
  needs,
  async run(tasks, clock) {
    const client = await open();
    await work(client, Math.max(1, Math.round(tasks / 10)));
    clock.begin();
    await work(client, tasks);
    clock.end();
    await client.close();
  },
});

async function serially({ add }, tasks) {
  for (let i = 0; i < tasks; i++) await add(i, 1);
}

async function manyAtOnce({ add }, tasks) {
  let next = 0;
  const one = async () => {
    while (next < tasks) {
      const i = next++;
      check(await add(i, 1), i + 1);
    }
  };
  await Promise.all(Array.from({ length: 100 }, one));
}

async function batches({ remote, batch }, tasks) {
  const calls = batch(remote);
  for (let i = 0; i < tasks; i += 1_000) {
    for (let j = 0; j < 1_000; j++) calls.add(i, j);
    let last;
    for (const result of await calls()) last = result;
    check(last, i + 999);
  }
}

/** What capnweb has of batches: calls of one tick travel together. */
async function ticks({ add }, tasks) {
  for (let i = 0; i < tasks; i += 1_000) check((await Promise.all(Array.from({ length: 1_000 }, (_, j) => add(i, j)))).at(-1), i + 999);
}

async function oneway({ remote, add }, tasks) {
  let last;
  for (let i = 0; i < tasks; i++) {
    last = remote.note(i);
    if (i % 1_000 === 999) await last;
  }
  check(await add(1, 1), 2);
}

async function items({ remote }, tasks) {
  let count = 0;
  for await (const _ of await remote.count(tasks)) count++;
  check(count, tasks);
}

const bytes = Buffer.alloc(size, 7);
const up = async (client, tasks) => {
  const call = client.size ?? ((given) => client.remote.size(given));
  for (let i = 0; i < tasks; i++) check(await call(bytes), size);
};
const down = async ({ remote }, tasks) => {
  for (let i = 0; i < tasks; i++) check((await remote.make(size)).length, size);
};

/** Connections that do nothing, opened 100 at a time; each is asked once in the end. */
const idle = {
  async run(tasks, clock) {
    const { control, proxy } = await import('../dist/remote/index.js');
    const first = await millrace();
    clock.begin();
    const proxies = [];
    while (proxies.length < tasks) {
      const some = Array.from({ length: Math.min(100, tasks - proxies.length) }, () =>
        proxy(first.place, { auth: 'a key of the benchmark' }),
      );
      await Promise.all(some.map((one) => control(one).bind()));
      proxies.push(...some);
    }
    for (const one of proxies) check(await one.add(1, 1), 2);
    clock.end();
    for (const one of proxies) control(one).release();
    await first.close();
  },
};

const needs = { capnweb: ['capnweb', 'ws'], grpc: ['@grpc/grpc-js'], comlink: ['comlink'] };
const rounds = quick ? 1 : 3;
const some = (many) => (quick ? Math.ceil(many / 10) : many);
const megabytes = 1e6;

await compare(
  'remote',
  import.meta.url,
  [
    {
      name: 'serial calls',
      // Of 20,000 calls the compiler of the runtime still took a good part.
      tasks: some(100_000),
      rounds,
      contestants: {
        millrace: contestant(millrace, serially),
        'bare TCP': contestant(tcp, serially),
        capnweb: contestant(capnweb, serially, needs.capnweb),
        'grpc-js': { ...contestant(grpc, serially, needs.grpc), share: 0.1 },
        Comlink: contestant(comlink, serially, needs.comlink),
        Pyro4: { ...pyro('serial'), share: 0.1 },
      },
    },
    {
      name: '100 calls in flight',
      tasks: some(200_000),
      rounds,
      contestants: {
        millrace: contestant(millrace, manyAtOnce),
        capnweb: { ...contestant(capnweb, manyAtOnce, needs.capnweb), share: 0.4 },
        'grpc-js': { ...contestant(grpc, manyAtOnce, needs.grpc), share: 0.1 },
        Comlink: { ...contestant(comlink, manyAtOnce, needs.comlink), share: 0.4 },
      },
    },
    {
      name: 'batches of 1,000',
      tasks: some(1_000_000),
      rounds,
      contestants: {
        millrace: contestant(millrace, batches),
        'capnweb, calls of one tick': { ...contestant(capnweb, ticks, needs.capnweb), share: 0.1 },
        Pyro4: { ...pyro('batch'), share: 0.05 },
      },
    },
    {
      name: 'ordered oneway calls',
      tasks: some(1_000_000),
      rounds,
      contestants: { millrace: contestant(millrace, oneway), Pyro4: { ...pyro('oneway'), share: 0.02 } },
    },
    { name: 'items of a stream', tasks: some(2_000_000), rounds, contestants: { millrace: contestant(millrace, items) } },
    {
      name: '5 MiB there',
      tasks: some(200),
      rounds,
      contestants: {
        millrace: contestant(millrace, up),
        capnweb: { ...contestant(capnweb, up, needs.capnweb), share: 0.1 },
        'grpc-js': { ...contestant(grpc, up, needs.grpc), share: 0.3 },
        Comlink: contestant(comlink, up, needs.comlink),
      },
    },
    {
      name: '5 MiB back',
      tasks: some(200),
      rounds,
      contestants: { millrace: contestant(millrace, down), capnweb: { ...contestant(capnweb, down, needs.capnweb), share: 0.1 } },
    },
    { name: 'idle connections', tasks: some(5_000), rounds: 1, contestants: { millrace: idle } },
  ],
  {
    bars: [
      { what: 'serial calls against bare TCP', case: 'serial calls', contestant: 'millrace', against: 'bare TCP', least: 0.85 },
      { what: 'serial calls against capnweb', case: 'serial calls', contestant: 'millrace', against: 'capnweb', least: 1.1 },
      { what: '100 in flight against capnweb', case: '100 calls in flight', contestant: 'millrace', against: 'capnweb', least: 3 },
      { what: 'calls in batches a second', case: 'batches of 1,000', contestant: 'millrace', of: 'rate', least: 750_000 },
      { what: 'oneway calls a second', case: 'ordered oneway calls', contestant: 'millrace', of: 'rate', least: 300_000 },
      { what: 'items of a stream a second', case: 'items of a stream', contestant: 'millrace', of: 'rate', least: 300_000 },
      {
        what: 'buffers of 5 MiB there a second: 1 GB',
        case: '5 MiB there',
        contestant: 'millrace',
        of: 'rate',
        least: Math.ceil((1_000 * megabytes) / size),
      },
      {
        what: 'buffers of 5 MiB back a second: 1 GB',
        case: '5 MiB back',
        contestant: 'millrace',
        of: 'rate',
        least: Math.ceil((1_000 * megabytes) / size),
      },
    ],
    versions: () => [...packageVersions(['capnweb', 'ws', '@grpc/grpc-js', 'comlink']), programVersion('/usr/bin/python3')],
  },
);
