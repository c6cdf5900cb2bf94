/**
 * A network between two parts that a test can break: it forwards connections to a port, and cuts, stalls or refuses them as it is told.
 *
 * A stalled direction loses nothing and tells nobody: its bytes wait, as behind a router that has gone silent, and go on when it is healed.
 * A connection that was made while the network is silent stays half open: it is taken, and nothing answers.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** `up`: from those who dial to the port behind; `down`: back. */
export type Direction = 'up' | 'down';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

export class TcpProxy {
  readonly #server: Server;
  readonly #pairs: Set<Pair> = new Set();
  readonly #silent: Set<Direction> = new Set();
  #refusing = false;
  /** Connections that were made so far. */
  made = 0;
  refused = 0;

  /** Closed when the running test has finished. */
  static async to(port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    onTestFinished(() => proxy.close());
    return proxy;
  }

  private constructor(port: number) {
    this.#server = createServer((near) => this.#forward(near, port));
  }

  get address(): [string, number] {
    return ['127.0.0.1', (this.#server.address() as AddressInfo).port];
  }

  get open(): number {
    return this.#pairs.size;
  }

  /** Nothing gets through any more; both ways when no direction is given. */
  silence(...directions: Direction[]): void {
    for (const direction of directions.length === 0 ? (['up', 'down'] as const) : directions) this.#silent.add(direction);
    for (const pair of this.#pairs) this.#apply(pair);
  }

  /** What waited arrives, and new connections come through. */
  heal(): void {
    this.#silent.clear();
    this.#refusing = false;
    for (const pair of this.#pairs) this.#apply(pair);
  }

  /** Every connection is broken off, without an end; `refuse`: new ones too, until it is healed. */
  cut(options: { refuse?: boolean } = {}): void {
    this.#refusing = options.refuse ?? false;
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    this.cut({ refuse: true });
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #forward(near: Socket, port: number): void {
    near.on('error', () => {});
    if (this.#refusing) {
      this.refused++;
      near.resetAndDestroy();
      return;
    }
    this.made++;
    const far = connect({ host: '127.0.0.1', port });
    far.on('error', () => {});
    const pair = { near, far };
    this.#pairs.add(pair);
    near.on('data', (bytes) => void far.write(bytes));
    far.on('data', (bytes) => void near.write(bytes));
    near.on('close', () => this.#closed(pair, far, 'up'));
    far.on('close', () => this.#closed(pair, near, 'down'));
    this.#apply(pair);
  }

  #apply({ near, far }: Pair): void {
    for (const [socket, direction] of [
      [near, 'up'],
      [far, 'down'],
    ] as const) {
      if (this.#silent.has(direction)) socket.pause();
      else socket.resume();
    }
  }

  /** The end of one side gets through as its bytes do: not while its direction is silent. */
  #closed(pair: Pair, other: Socket, direction: Direction): void {
    if (!this.#silent.has(direction) || other.destroyed) {
      other.destroy();
      this.#pairs.delete(pair);
    }
  }
}
