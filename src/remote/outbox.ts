/**
 * Messages on their way out: what the connection cannot hold now waits here, in order, instead of costing the connection. Whoever wants to be no
 * faster than the other side waits for `free`; who asks and does not read the answers is cut off.
 */
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import type { Message } from '../protocol/messages.ts';
import type { Connection } from '../transport/connection.ts';
import { copyOf } from './core/copy.ts';

/** Bytes that the connection may hold; above 64 MiB it ends by itself. */
const mostHeld = 32 * 1024 * 1024;
/** Answers that may wait here for a side that does not read. */
const mostAnswers = 16_384;

interface Waiting {
  readonly message: Message;
  failed(error: unknown): void;
}

export class Outbox {
  readonly #connection: Connection;
  #waiting: Waiting[] = [];
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

  /** `failed`: it had to wait, and then could not be sent. @throws ERR_NOT_CLONEABLE, ERR_FRAME_TOO_LARGE */
  send(message: Message, failed: (error: unknown) => void = () => {}): void {
    if (this.#waiting.length > 0 || (this.#blocked && this.#connection.backlog > mostHeld))
      this.#waiting.push({ message: copyOf(message) as Message, failed });
    else if (!this.#connection.send(message)) this.#blocked = true;
  }

  /** As `send`, for what the other side has asked for. */
  answer(message: Message, failed: (error: unknown) => void): void {
    if (this.#waiting.length < mostAnswers) this.send(message, failed);
    else this.#connection.destroy(new MillraceError('ERR_SLOW_PEER', `the other side does not read: ${mostAnswers} answers wait for it`));
  }

  /** What was sent leaves now. */
  flush(): void {
    this.#connection.flush?.();
  }

  drained(): void {
    this.#blocked = false;
    const waiting = this.#waiting;
    let at = 0;
    while (at < waiting.length && !this.#blocked) {
      const { message, failed } = waiting[at++]!;
      try {
        this.#blocked = !this.#connection.send(message);
      } catch (error) {
        failed(error);
      }
    }
    // What failed may have put its refusal behind the others.
    this.#waiting = this.#waiting.slice(at);
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
