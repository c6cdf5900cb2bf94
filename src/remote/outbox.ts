/**
 * Messages on their way out: what the connection does not want now waits here, in order, instead of costing the connection. Whoever wants to be no
 * faster than the other side waits for `free`.
 */
import { type Deferred, deferred } from '../base/deferred.ts';
import type { Message } from '../protocol/messages.ts';
import type { Connection } from '../transport/connection.ts';

export class Outbox {
  readonly #connection: Connection;
  #waiting: Message[] = [];
  #blocked = false;
  #free: Deferred<void> | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Resolves when the connection takes more; null: it does so now. */
  get free(): Promise<void> | null {
    if (!this.#blocked) return null;
    this.#free ??= deferred();
    return this.#free.promise;
  }

  /** @throws ERR_NOT_CLONEABLE, ERR_FRAME_TOO_LARGE, unless others wait before it */
  send(message: Message): void {
    if (this.#blocked) this.#waiting.push(message);
    else this.#blocked = !this.#connection.send(message);
  }

  drained(): void {
    this.#blocked = false;
    const waiting = this.#waiting;
    let at = 0;
    while (at < waiting.length && !this.#blocked) this.#blocked = !this.#connection.send(waiting[at++]!);
    this.#waiting = waiting.slice(at);
    if (!this.#blocked) this.#release();
  }

  /** The connection is over: nobody waits for it. */
  end(): void {
    this.#waiting = [];
    this.#blocked = false;
    this.#release();
  }

  #release(): void {
    this.#free?.resolve();
    this.#free = null;
  }
}
