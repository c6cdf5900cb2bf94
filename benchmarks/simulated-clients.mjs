/**
 * Clients without an executor, on real TCP connections: the core of a client each, whose tasks end by a timer or at once; and a server in a process
 * of its own, so that what it costs is known apart from them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { newOwnedId } from '../dist/base/ids.js';
import { ClientCore } from '../dist/client/core/core.js';
import { plainClient } from '../dist/testing/plain-options.js';
import { dial } from '../dist/transport/dial.js';

export const auth = 'a key for this benchmark alone';

/** In the server's process: its address, then for each line that comes what it has cost: processor time (ms) and, for `memory`, resident MB. */
async function serve(database) {
  const { ServerThread } = await import('../dist/index.js');
  const server = await ServerThread.new({ address: 'localhost:0', auth: process.env.KEY, foreverMode: true, database });
  console.log(JSON.stringify(server.address));
  for await (const word of createInterface({ input: process.stdin })) {
    if (word === 'memory') {
      for (let i = 0; i < 3; i++) {
        globalThis.gc();
        await new Promise((go) => setTimeout(go, 100));
      }
    }
    const { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ processor: (user + system) / 1_000, memory: process.memoryUsage.rss() / 2 ** 20 }));
  }
  await server.stop();
}

/** A server in another process: `{ address, auth, cost(), memory(), stop() }`. */
export async function startServer(database) {
  const words = ['--expose-gc', fileURLToPath(import.meta.url), `--serve=${database}`];
  const child = spawn(process.execPath, words, { env: { ...process.env, KEY: auth }, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  const ask = (word) => {
    child.stdin.write(`${word}\n`);
    return next();
  };
  const address = await next();
  return {
    address,
    auth,
    cost: async () => (await ask('cost')).processor,
    memory: async () => (await ask('memory')).memory,
    async stop() {
      child.stdin.end();
      await once(child, 'close');
    },
  };
}

/** What begins ends at once, or after `lasting()` ms. */
export class SimulatedClient {
  #core;
  #connection;
  #lasting;
  #due = false;
  #timer = null;
  began = null;
  done = 0;

  static async join({ address }, { slots, lasting = null }) {
    const client = new SimulatedClient();
    client.#core = new ClientCore({ ...plainClient, slots }, performance.now());
    client.#lasting = lasting;
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
      closed: () => clearTimeout(client.#timer),
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
      const durationMs = this.#lasting?.() ?? 0;
      if (this.#lasting === null) this.#end(effect, durationMs);
      // What goes on after the benchmark must not keep it from ending: its connection does as long as it is wanted.
      else setTimeout(() => this.#end(effect, durationMs), durationMs).unref();
    }
    const at = this.#core.wakeAt(performance.now());
    if (at === null) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#feed({ type: 'tick' }), Math.max(1, at - performance.now()));
    this.#timer.unref();
  }

  #end({ slot, tasks }, durationMs) {
    const startedAt = Date.now();
    const ends = tasks.map(([key]) => ({ key, outcome: 'succeeded', exitStatus: 0, startedAt, durationMs, extra: null }));
    this.done += ends.length;
    this.#feed({ type: 'ended', slot, ends, idle: true });
  }
}

const asked = process.argv.find((word) => word.startsWith('--serve='));
if (asked !== undefined) await serve(asked.slice('--serve='.length));
