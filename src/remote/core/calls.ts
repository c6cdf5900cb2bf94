/**
 * Calls in flight on one connection, by number. An answer finds its call once; a call that was given up (time-out, abort) is forgotten, so that
 * a late answer finds nothing.
 */
export class Calls<Call> {
  readonly #open: Map<number, Call> = new Map();
  #last = 0;

  /** How many wait for an answer. */
  get size(): number {
    return this.#open.size;
  }

  add(call: Call): number {
    this.#last += 1;
    this.#open.set(this.#last, call);
    return this.#last;
  }

  /** The call of an answer; undefined: nobody waits for it. */
  take(id: number): Call | undefined {
    const call = this.#open.get(id);
    if (call !== undefined) this.#open.delete(id);
    return call;
  }

  /** Every open call, oldest first: the connection is over. */
  takeAll(): Call[] {
    const calls = [...this.#open.values()];
    this.#open.clear();
    return calls;
  }
}
