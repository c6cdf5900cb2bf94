// @ts-check
/**
 * A network between two parts that can be broken: it forwards connections to a port, and delays, thins, cuts, halves, silences or refuses them as it is
 * told. Plain JavaScript with checked types, so that programs which run without a loader have the same one.
 *
 * A direction is *open* or *silent*. In silence bytes and ends wait, as behind a router that drops packets of which each is sent again: after it they
 * arrive, if anybody still listens. A connection that is made meanwhile stays half open: it is taken, and nothing answers.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {import('node:net').Socket} Socket */
/** @typedef {'up' | 'down'} Direction `up`: from those who dial to the port behind; `down`: back. */
/** @typedef {{ readonly host: string, readonly port: number }} Target */
/** @typedef {{ readonly near: Socket, readonly far: Socket, left: number, halved: boolean }} Link `left`: bytes until it is cut. */

export class TcpProxy {
  /** @type {(() => number) | null} ms before each piece: a function, so that it can jitter; null: none. */
  delay = null;
  /** @type {number | null} In each direction of each connection; null: no limit. */
  bytesPerSecond = null;
  /** @type {(() => number) | null} Bytes, of both directions together, after which a new connection is cut; null: never. */
  cutAfter = null;
  counts = { made: 0, refused: 0, cuts: 0 };
  /** @type {Target} */
  #target;
  #server;
  /** @type {Set<Link>} */
  #links = new Set();
  /** @type {Set<Direction>} */
  #silent = new Set();
  #refusing = false;
  #healed = withResolvers();

  /**
   * Listens on a free port of loopback until `close`.
   * @param {number | Target} target a port of loopback, or host and port
   */
  static async open(target) {
    const proxy = new TcpProxy(typeof target === 'number' ? { host: '127.0.0.1', port: target } : target);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  /** @param {Target} target */
  constructor(target) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#take(near));
  }

  /** @returns {[host: string, port: number]} */
  get address() {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return ['127.0.0.1', address.port];
  }

  /**
   * Pass nothing on any more, and tell nobody; both ways when no direction is given.
   * @param {readonly Direction[]} directions
   */
  silence(...directions) {
    for (const direction of directions.length === 0 ? /** @type {const} */ (['up', 'down']) : directions) this.#silent.add(direction);
  }

  /** What waited arrives, and new connections come through. */
  heal() {
    this.#silent.clear();
    this.#refusing = false;
    this.#healed.resolve();
    this.#healed = withResolvers();
  }

  /**
   * Every connection is broken off, and both sides are told; `refuse`: new ones too, until it is healed.
   * @param {{ refuse?: boolean }} options
   */
  cut({ refuse = false } = {}) {
    this.#refusing = refuse;
    for (const link of this.#links) this.#cut(link);
  }

  /**
   * End one side of every connection; the other is not told, and what it says goes nowhere.
   * @param {'near' | 'far'} side who is told
   */
  halve(side) {
    for (const link of this.#links) {
      link.halved = true;
      link[side].resetAndDestroy();
      this.counts.cuts++;
    }
  }

  async close() {
    this.cut({ refuse: true });
    // Who still holds something back, lets go.
    this.#silent.clear();
    this.#healed.resolve();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** @param {Socket} near */
  #take(near) {
    near.on('error', () => {});
    if (this.#refusing) {
      this.counts.refused++;
      near.resetAndDestroy();
      return;
    }
    this.counts.made++;
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    far.on('error', () => {});
    const link = { near, far, left: this.cutAfter === null ? Number.POSITIVE_INFINITY : this.cutAfter(), halved: false };
    this.#links.add(link);
    for (const socket of [near, far]) {
      socket.on('close', () => {
        if (near.destroyed && far.destroyed) this.#links.delete(link);
      });
    }
    void this.#carry(link, near, far, 'up');
    void this.#carry(link, far, near, 'down');
  }

  /** @param {Link} link */
  #cut({ near, far }) {
    if (near.destroyed && far.destroyed) return;
    this.counts.cuts++;
    near.resetAndDestroy();
    far.resetAndDestroy();
  }

  /**
   * @param {Link} link
   * @param {Socket} from
   * @param {Socket} to
   * @param {Direction} direction
   */
  async #carry(link, from, to, direction) {
    let broken = false;
    try {
      for await (const bytes of from.iterator({ destroyOnReturn: false })) {
        if (this.bytesPerSecond !== null) await sleep((bytes.length / this.bytesPerSecond) * 1000);
        if (this.delay !== null) await sleep(this.delay());
        await this.#passable(direction);
        if (link.halved) continue;
        if (bytes.length >= link.left) {
          await write(to, bytes.subarray(0, link.left));
          this.#cut(link);
          return;
        }
        link.left -= bytes.length;
        await write(to, bytes);
      }
    } catch {
      broken = true;
    }
    // An end travels as bytes do.
    await this.#passable(direction);
    if (link.halved) return;
    if (broken) to.destroy();
    else to.end();
  }

  /** @param {Direction} direction */
  async #passable(direction) {
    while (this.#silent.has(direction)) await this.#healed.promise;
  }
}

/**
 * @param {Socket} socket
 * @param {Uint8Array} bytes
 */
async function write(socket, bytes) {
  if (socket.destroyed || socket.writableEnded) return;
  if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
}

function withResolvers() {
  /** @type {() => void} */
  let resolve = () => {};
  /** @type {Promise<void>} */
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
