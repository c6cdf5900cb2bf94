/**
 * The submitting end of a connection: numbered bundles out, receipts in. What is not acknowledged when a connection breaks is sent
 * again on the next one, under the same numbers: the server knows what it has.
 */
import { type Deferred, deferred } from '../base/deferred.ts';
import type { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Message, Submitted } from '../protocol/messages.ts';
import type { Packed } from '../protocol/msgpack-write.ts';
import type { BundleSink, Receipt } from '../source/pump.ts';
import type { WireTask } from '../task/task.ts';

/** Whatever messages can be sent on. */
interface Outlet {
  send(message: Message): unknown;
}

/** Tasks, or a list of them that was packed before. */
type Bundle = WireTask[] | Packed;

interface Unacknowledged {
  readonly tasks: Bundle;
  readonly done: Deferred<Receipt>;
}

export class ConnectionSink implements BundleSink {
  /** UUID of the submission: what makes its bundles idempotent. */
  readonly id: string = newId();
  readonly #watch: boolean;
  readonly #waiting: Map<number, Unacknowledged> = new Map();
  #connection: Outlet | null = null;
  #error: MillraceError | null = null;

  /** `watch`: the server is to send the results of these tasks too. */
  constructor(watch = false) {
    this.#watch = watch;
  }

  /** Use this connection from now on. */
  attach(connection: Outlet): void {
    this.#connection = connection;
    connection.send(['submitter-open', this.id]);
    for (const [sequence, { tasks }] of this.#waiting) this.#submit(sequence, tasks);
  }

  detach(): void {
    this.#connection = null;
  }

  /** There will be no other connection: what waits is rejected, and all that follows. */
  fail(error: MillraceError): void {
    this.#error = error;
    for (const { done } of this.#waiting.values()) done.reject(error);
    this.#waiting.clear();
  }

  /** No more bundles: the run may end without this submission. */
  finish(): void {
    this.#connection?.send(['submitter-done', this.id]);
  }

  send(sequence: number, tasks: Bundle): Promise<Receipt> {
    if (this.#error !== null) return Promise.reject(this.#error);
    const done = deferred<Receipt>();
    this.#waiting.set(sequence, { tasks, done });
    this.#submit(sequence, tasks);
    return done.promise;
  }

  /** A receipt came; false: it is not of this submission. */
  receive([, submitter, sequence, receipt]: Submitted): boolean {
    if (submitter !== this.id) return false;
    const waiting = this.#waiting.get(sequence);
    this.#waiting.delete(sequence);
    waiting?.done.resolve(receipt);
    return true;
  }

  #submit(sequence: number, tasks: Bundle): void {
    // On its way it is the list that it holds.
    this.#connection?.send(['submit', this.id, sequence, tasks as WireTask[], this.#watch]);
  }
}
