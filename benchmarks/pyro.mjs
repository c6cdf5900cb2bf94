/**
 * How many calls a second go over Pyro's wire (JSON, no key, loopback), by Pyro4 itself and by us, on either side? Client and daemon are in processes of their
 * own; all four pairs take turns. Pyro4 makes one call at a time; only ours has several on their way.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { batch, proxy, release } from '../dist/remote/index.js';
import { median, programVersion, quick, round, show } from './harness.mjs';
import { missing } from './needs.mjs';
import { pyro4, pyroClient, pyroServer } from './rivals/pyro4.mjs';

const rounds = quick ? 1 : 3;
const scale = quick ? 0.2 : 1;
const counts = { serial: 5_000, 'in flight': 20_000, batch: 100_000, stream: 5_000 };
const inFlight = 100;
/** Calls that are not counted. */
const warmUp = 2_000;

/** What a client of ours does. */
const works = {
  async serial(remote, count) {
    for (let i = 0; i < count; i++) await remote.add(i, 1);
  },
  async 'in flight'(remote, count) {
    let i = 0;
    const one = async () => {
      while (i < count) await remote.add(i++, 1);
    };
    await Promise.all(Array.from({ length: inFlight }, one));
  },
  async batch(remote, count) {
    const calls = batch(remote);
    for (let from = 0; from < count; from += 1_000) {
      for (let i = 0; i < 1_000; i++) calls.add(i, 1);
      if ((await calls()).length !== 1_000) throw new Error('a batch is not whole');
    }
  },
  async stream(remote, count) {
    let items = 0;
    for await (const _ of await remote.count(count)) items++;
    if (items !== count) throw new Error('a stream is not whole');
  },
};

async function ourRate(uri, work, count) {
  const remote = proxy(uri);
  for (let i = 0; i < warmUp; i++) await remote.add(i, 1);
  const began = performance.now();
  await works[work](remote, count);
  const seconds = (performance.now() - began) / 1_000;
  release(remote);
  return count / seconds;
}

async function ourServer() {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./pyro-server.mjs', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { value: uri } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const stop = async () => {
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    await ended;
  };
  return { uri, stop };
}

const install = missing(pyro4);
const open = [];
const rows = [];
try {
  const ours = await ourServer();
  open.push(ours);
  const pairs = { 'millrace → millrace': [ourRate, ours.uri] };
  if (install === null) {
    const server = await pyroServer();
    const client = pyroClient();
    open.push(server, client);
    pairs['Pyro4 → Pyro4'] = [client.rate, server.uri];
    pairs['millrace → Pyro4'] = [ourRate, server.uri];
    pairs['Pyro4 → millrace'] = [client.rate, ours.uri];
  }
  for (const [work, count] of Object.entries(counts)) {
    const able = Object.entries(pairs).filter(([, [rate]]) => work !== 'in flight' || rate === ourRate);
    const rates = Object.fromEntries(able.map(([name]) => [name, []]));
    for (let turn = 0; turn < rounds; turn++)
      for (const [name, [rate, uri]] of able) rates[name].push(await rate(uri, work, Math.max(1_000, count * scale)));
    const named = work === 'batch' ? 'batches of 1,000' : work === 'in flight' ? `${inFlight} in flight` : work;
    if (install !== null && work !== 'in flight')
      rows.push({ case: named, contestant: 'Pyro4 → Pyro4', rate: null, note: `not run: ${install}` });
    for (const [name] of able) {
      const base = rates['Pyro4 → Pyro4'];
      const ratio = base === undefined ? null : median(rates[name].map((rate, turn) => rate / base[turn]));
      rows.push({
        case: named,
        contestant: name,
        rate: Math.round(median(rates[name])),
        best: Math.round(Math.max(...rates[name])),
        'against Pyro4': round(ratio),
      });
    }
  }
} finally {
  for (const { stop } of open) await stop();
}
show('pyro', rows, [`Pyro4 ${programVersion('/usr/bin/python3', ['-c', 'import Pyro4; print(Pyro4.__version__)']).split(' ')[1]}`]);
