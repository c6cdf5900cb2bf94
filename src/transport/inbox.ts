/**
 * What every carrier does with messages that came in: hold them until the role started and while it pauses, deliver them in order, and
 * say once, last, that the connection is closed.
 */
import type { MillraceError } from '../base/errors.ts';
import type { Message } from '../protocol/messages.ts';
import type { ConnectionHandlers } from './connection.ts';

/**
 * States. *held* (from the start): `push` queues. *flowing* (`start`, `resume`): messages are delivered as they come. *paused*
 * (`pause`): as held. *dropped* (`drop`): what is queued or comes is thrown away; only `closed` is still to come. *over*: `closed`
 * was called, nothing more is. An end in good order waits for the queue (and so for a resume); one with an error does not.
 */
export class Inbox {
  readonly #emptied: () => void;
  #state: 'held' | 'flowing' | 'paused' | 'dropped' | 'over' = 'held';
  #handlers: ConnectionHandlers | null = null;
  #queue: readonly Message[] = [];
  #at = 0;
  #delivering = false;
  #end: { readonly error: MillraceError | null } | null = null;

  /** `emptied`: all that came in was delivered; bring more. */
  constructor(emptied: () => void) {
    this.#emptied = emptied;
  }

  /** True: the carrier may read on. */
  get hungry(): boolean {
    return this.#state === 'flowing' && this.#at === this.#queue.length;
  }

  /** True: paused by the role, which therefore cannot hear its peer. */
  get paused(): boolean {
    return this.#state === 'paused' || this.#state === 'held';
  }

  start(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    if (this.#state === 'held') this.#state = 'flowing';
    // Not from within `start`: the role has not finished setting itself up.
    process.nextTick(() => this.#deliver());
  }

  push(messages: readonly Message[]): void {
    if (this.#state === 'dropped' || this.#state === 'over') return;
    this.#queue = this.#at === this.#queue.length ? messages : this.#queue.slice(this.#at).concat(messages);
    this.#at = 0;
    this.#deliver();
  }

  pause(): void {
    if (this.#state === 'flowing') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'flowing';
    this.#deliver();
  }

  drained(): void {
    if (this.#state !== 'over') this.#handlers?.drained?.();
  }

  /** Deliver nothing more. */
  drop(): void {
    if (this.#state !== 'over') this.#state = 'dropped';
    this.#queue = [];
    this.#at = 0;
  }

  /** The connection is over; `closed` follows. Only the first end counts. */
  end(error: MillraceError | null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    if (error !== null) this.drop();
    this.#finish();
  }

  #deliver(): void {
    if (this.#delivering || this.#handlers === null) return;
    this.#delivering = true;
    let had = false;
    try {
      while (this.#state === 'flowing' && this.#at < this.#queue.length) {
        had = true;
        this.#handlers.message(this.#queue[this.#at++]!);
      }
    } finally {
      this.#delivering = false;
    }
    if (this.hungry) {
      if (had) {
        this.#queue = [];
        this.#at = 0;
      }
      this.#emptied();
    }
    this.#finish();
  }

  #finish(): void {
    if (this.#end === null || this.#handlers === null || this.#delivering || this.#state === 'over') return;
    if (this.#state !== 'dropped' && this.#at < this.#queue.length) return;
    this.#state = 'over';
    this.#handlers.closed(this.#end.error);
  }
}
