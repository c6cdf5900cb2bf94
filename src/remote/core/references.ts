/**
 * Who owns what is passed by reference over one connection. The side that gives a thing counts how often it told its number; the other side
 * counts how often it heard it, and tells that count when nobody there uses the thing any more. Only when both counts meet is it free: a number
 * that was told again meanwhile is on its way and still counts.
 */

/** What this side has given. */
export class Given<Target extends object> {
  readonly #targets: Map<number, { readonly target: Target; told: number }> = new Map();
  readonly #numbers: Map<Target, number> = new Map();
  #last = 0;

  get size(): number {
    return this.#targets.size;
  }

  /** The number of a thing, which is about to be told. */
  give(target: Target): number {
    const known = this.#numbers.get(target);
    if (known !== undefined) {
      this.#targets.get(known)!.told += 1;
      return known;
    }
    this.#last += 1;
    this.#numbers.set(target, this.#last);
    this.#targets.set(this.#last, { target, told: 1 });
    return this.#last;
  }

  find(number: number): Target | undefined {
    return this.#targets.get(number)?.target;
  }

  /** The other side gives back what it heard so often. True: it is free. More than was told counts as all of it. */
  giveBack(number: number, heard: number): boolean {
    const entry = this.#targets.get(number);
    if (entry === undefined) return false;
    entry.told -= heard;
    if (entry.told > 0) return false;
    this.#targets.delete(number);
    this.#numbers.delete(entry.target);
    return true;
  }

  /** The connection is over: everything is free. */
  clear(): Target[] {
    const targets = [...this.#numbers.keys()];
    this.#targets.clear();
    this.#numbers.clear();
    return targets;
  }
}

/** What this side has got. `Handle` is what finds the stand-in, if it is still used. */
export class Got<Handle> {
  readonly #entries: Map<number, { handle: Handle; heard: number }> = new Map();

  get size(): number {
    return this.#entries.size;
  }

  /** A number was told; the handle of its stand-in, if there is one. */
  hear(number: number): Handle | undefined {
    const entry = this.#entries.get(number);
    if (entry === undefined) return undefined;
    entry.heard += 1;
    return entry.handle;
  }

  /** A stand-in was made for a number that was heard: the first, or a new one in place of one that is gone. */
  keep(number: number, handle: Handle): void {
    const entry = this.#entries.get(number);
    if (entry === undefined) this.#entries.set(number, { handle, heard: 1 });
    else entry.handle = handle;
  }

  /** Nobody uses the stand-in `handle` any more: how often its number was heard; 0: another stand-in has its place. */
  drop(number: number, handle: Handle): number {
    const entry = this.#entries.get(number);
    if (entry === undefined || entry.handle !== handle) return 0;
    this.#entries.delete(number);
    return entry.heard;
  }

  clear(): void {
    this.#entries.clear();
  }
}
