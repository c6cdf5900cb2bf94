/**
 * What comes over a socket, one chunk at a time while it is wanted: a listener for data is spared the queue of the socket and a tick of each chunk, which
 * `readable` costs. Net-ipc listens to that until the handshake is done.
 */
import type { Socket } from 'node:net';

export interface InflowSetup {
  /** More may come. */
  wanted(): boolean;
  take(chunk: Buffer): void;
}

/** States. *apart*: the socket is listened to by others. *flowing*: each chunk is taken as it comes. *held*: the socket keeps what comes. */
export class Inflow {
  readonly #socket: Socket;
  readonly #setup: InflowSetup;
  #state: 'apart' | 'flowing' | 'held' = 'apart';

  constructor(socket: Socket, setup: InflowSetup) {
    this.#socket = socket;
    this.#setup = setup;
  }

  /** What is wanted has changed, perhaps. */
  steer(): void {
    const wanted = this.#setup.wanted();
    if (wanted === (this.#state === 'flowing')) return;
    const socket = this.#socket;
    if (!wanted) {
      if (this.#state === 'flowing') this.#hold();
      return;
    }
    if (this.#state === 'apart') socket.removeAllListeners('readable').on('data', (chunk: Buffer) => this.#chunk(chunk));
    this.#state = 'flowing';
    socket.resume();
  }

  #chunk(chunk: Buffer): void {
    if (this.#setup.wanted()) {
      this.#setup.take(chunk);
      return;
    }
    if (this.#socket.destroyed) return;
    // It was on its way when it was held.
    this.#hold();
    this.#socket.unshift(chunk);
  }

  #hold(): void {
    this.#state = 'held';
    this.#socket.pause();
  }
}
