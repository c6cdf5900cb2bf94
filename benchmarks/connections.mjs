/**
 * What does a server take for each connected client, and how long until all of 200 (`CONNECTIONS`) have had work? A server in a process of its own,
 * in memory, on loopback TCP; 200 connections of this process behind which the cores of clients with four slots stand, whose tasks end at once.
 * Resident memory before and after they connect, with nothing to do; then ten tasks for each slot, from the submission to the first start on the last
 * client, and to the last result. Run after `npm run build`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { newOwnedId } from '../dist/base/ids.js';
import { ClientCore } from '../dist/client/core/core.js';
import { connect } from '../dist/index.js';
import { plainClient } from '../dist/testing/plain-options.js';
import { dial } from '../dist/transport/dial.js';
import { quick, round, show } from './harness.mjs';

const count = Number(process.env.CONNECTIONS ?? (quick ? 50 : 200));
const slots = 4;
const tasks = count * slots * 10;

const options = { ...plainClient, slots };

/** In the server's process: its address, then for each line that comes the memory that it takes, MB. */
async function serve() {
  const { ServerThread } = await import('../dist/index.js');
  const server = await ServerThread.new({ address: 'localhost:0', auth: process.env.KEY, foreverMode: true });
  console.log(JSON.stringify(server.address));
  for await (const _ of createInterface({ input: process.stdin })) {
    for (let i = 0; i < 3; i++) {
      globalThis.gc();
      await new Promise((go) => setTimeout(go, 100));
    }
    console.log(process.memoryUsage.rss() / 2 ** 20);
  }
  await server.stop();
}

/** A client without an executor: what begins has ended. */
class Client {
  #core = new ClientCore(options, performance.now());
  #connection;
  #due = false;
  began = null;

  static async join(address, auth) {
    const client = new Client();
    const { id, token } = newOwnedId();
    const capacity = { slots, cores: null, memory: null, resources: {}, tags: {} };
    const self = { role: 'client', id, token, host: 'bench', pid: process.pid, client: capacity };
    client.#connection = await dial(address, { self, auth });
    client.#connection.start({
      message: (message) => {
        if (message[0] === 'welcome') client.#feed({ type: 'connected', evictAfter: message[1].evictAfter });
        else if (message[0] === 'heartbeat') client.#connection.send(['heartbeat']);
        else client.#feed({ type: 'message', message });
      },
      closed: () => {},
    });
    return client;
  }

  close() {
    this.#connection.destroy();
  }

  #feed(event) {
    this.#core.handle(event, performance.now());
    if (this.#due) return;
    this.#due = true;
    setImmediate(() => {
      this.#due = false;
      this.#turn();
    });
  }

  #turn() {
    for (const effect of this.#core.endTurn(performance.now())) {
      if (effect.type === 'send') this.#connection.send(effect.message);
      if (effect.type !== 'start') continue;
      this.began ??= performance.now();
      const ends = effect.tasks.map(([key]) => ({
        key,
        outcome: 'succeeded',
        exitStatus: 0,
        startedAt: Date.now(),
        durationMs: 0,
        extra: null,
      }));
      this.#feed({ type: 'ended', slot: effect.slot, ends, idle: true });
    }
    const at = this.#core.wakeAt(performance.now());
    if (at !== null) setTimeout(() => this.#feed({ type: 'tick' }), Math.max(1, at - performance.now())).unref();
  }
}

async function measure() {
  const auth = 'a key for this benchmark alone';
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), '--serve'], {
    env: { ...process.env, KEY: auth },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  const memory = () => {
    child.stdin.write('\n');
    return next();
  };
  const address = await next();
  const empty = await memory();
  const began = performance.now();
  const clients = await Promise.all(Array.from({ length: count }, () => Client.join(address, auth)));
  const joined = performance.now();
  const full = await memory();
  const session = await connect(address, { auth });
  const submitted = performance.now();
  await session.submit(Array.from({ length: tasks }, (_, i) => `task ${i}`));
  while ((await session.progress()).succeeded < tasks) await new Promise((go) => setTimeout(go, 5));
  const ended = performance.now();
  const last = Math.max(...clients.map((client) => client.began ?? Number.NaN));
  await session.close();
  for (const client of clients) client.close();
  child.stdin.end();
  await once(child, 'close');
  show('connections', [
    {
      connections: count,
      'server MB before': round(empty, 1),
      'server MB with all': round(full, 1),
      'KB a client': round(((full - empty) * 1_024) / count, 1),
      'ms until all have joined': round(joined - began, 0),
      tasks,
      'ms until all have begun something': round(last - submitted, 0),
      'ms until all has ended': round(ended - submitted, 0),
    },
  ]);
}

await (process.argv.includes('--serve') ? serve() : measure());
