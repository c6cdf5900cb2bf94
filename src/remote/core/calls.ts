/**
 * Calls in flight on one connection, by number. An answer finds its call once; a call that was given up (time-out, abort) is forgotten, so that
 * a late answer finds nothing. The latest one is kept beside the table: calls made one after the other would make V8 shrink and grow it each time.
 */
export class Calls<Call> {
  readonly #open: Map<number, Call> = new Map();
  #latest: Call | undefined = undefined;
  #last = 0;

  /** How many wait for an answer. */
  get size(): number {
    return this.#open.size + (this.#latest === undefined ? 0 : 1);
  }

  add(call: Call): number {
    if (this.#latest !== undefined) this.#open.set(this.#last, this.#latest);
    this.#last += 1;
    this.#latest = call;
    return this.#last;
  }

  /** The call of an answer; undefined: nobody waits for it. */
  take(id: number): Call | undefined {
    if (id === this.#last) {
      const latest = this.#latest;
      this.#latest = undefined;
      return latest;
    }
    const call = this.#open.get(id);
    if (call !== undefined) this.#open.delete(id);
    return call;
  }

  /** Every open call, oldest first: the connection is over. */
  takeAll(): Call[] {
    const calls = [...this.#open.values()];
    if (this.#latest !== undefined) calls.push(this.#latest);
    this.#open.clear();
    this.#latest = undefined;
    return calls;
  }
}
