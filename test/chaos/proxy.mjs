/**
 * A TCP proxy that does what networks do: delay and jitter, little bandwidth, cuts at a byte, silence in one direction or both,
 * and ends that one side is never told of.
 *
 * A direction is *open* or *silent*. In silence bytes and ends are held, as a network does that drops packets of which each is sent again: after it
 * they arrive, if anybody still listens. `up` is from who dialled to the target.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export class TcpProxy {
  /** ms before each piece: a function, so that it can jitter; null: none. */
  delay = null;
  /** In each direction of each connection; null: no limit. */
  bytesPerSecond = null;
  /** Bytes, of both directions together, after which a new connection is cut; null: never. */
  cutAfter = null;
  counts = { connections: 0, cuts: 0, bytes: 0 };
  #target;
  #server;
  #links = new Set();
  #silent = { up: false, down: false };
  #healed = withResolvers();

  /** `target`: port on loopback, or `{ host, port }`. */
  static async open(target) {
    const proxy = new TcpProxy(typeof target === 'number' ? { host: '127.0.0.1', port: target } : target);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  constructor(target) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#take(near));
  }

  get address() {
    return ['127.0.0.1', this.#server.address().port];
  }

  get links() {
    return this.#links.size;
  }

  /** Pass nothing on, and tell nobody. */
  silence({ up = true, down = true } = {}) {
    this.#silent = { up, down };
    this.#heal();
  }

  heal() {
    this.#silent = { up: false, down: false };
    this.#heal();
  }

  /** Cut every connection: both sides are told. */
  cut() {
    for (const link of this.#links) this.#cut(link);
  }

  /** End one side of every connection; the other is not told, and what it says goes nowhere. `side`: who is told. */
  halve(side) {
    for (const link of this.#links) {
      link.halved = true;
      (side === 'near' ? link.near : link.far).resetAndDestroy();
      this.counts.cuts++;
    }
  }

  async close() {
    this.heal();
    for (const { near, far } of this.#links) {
      near.destroy();
      far.destroy();
    }
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  #heal() {
    this.#healed.resolve();
    this.#healed = withResolvers();
  }

  #take(near) {
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const link = { near, far, left: this.cutAfter === null ? Number.POSITIVE_INFINITY : this.cutAfter(), halved: false };
    this.counts.connections++;
    this.#links.add(link);
    for (const socket of [near, far]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        if (near.destroyed && far.destroyed) this.#links.delete(link);
      });
    }
    void this.#carry(link, near, far, 'up');
    void this.#carry(link, far, near, 'down');
  }

  #cut(link) {
    if (link.near.destroyed && link.far.destroyed) return;
    this.counts.cuts++;
    link.near.resetAndDestroy();
    link.far.resetAndDestroy();
  }

  async #carry(link, from, to, direction) {
    let end = 'end';
    try {
      for await (const bytes of from.iterator({ destroyOnReturn: false })) {
        if (this.bytesPerSecond !== null) await sleep((bytes.length / this.bytesPerSecond) * 1000);
        if (this.delay !== null) await sleep(this.delay());
        await this.#passable(direction);
        if (link.halved) continue;
        this.counts.bytes += bytes.length;
        if (bytes.length >= link.left) {
          await write(to, bytes.subarray(0, link.left));
          this.#cut(link);
          return;
        }
        link.left -= bytes.length;
        await write(to, bytes);
      }
    } catch {
      end = 'destroy';
    }
    // An end travels as bytes do.
    await this.#passable(direction);
    if (link.halved) return;
    if (end === 'end') to.end();
    else to.destroy();
  }

  async #passable(direction) {
    while (this.#silent[direction]) await this.#healed.promise;
  }
}

async function write(socket, bytes) {
  if (socket.destroyed || socket.writableEnded) return;
  if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
}

function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve) => {
    made.resolve = resolve;
  });
  return made;
}
