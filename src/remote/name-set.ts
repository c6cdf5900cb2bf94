/** The names of methods that are called without an answer: a set that takes many at once. */
export class NameSet {
  readonly #names: Set<string> = new Set();

  get size(): number {
    return this.#names.size;
  }

  add(name: string): this {
    this.#names.add(name);
    return this;
  }

  /** Adds each. */
  update(names: Iterable<string>): this {
    for (const name of names) this.#names.add(name);
    return this;
  }

  delete(name: string): boolean {
    return this.#names.delete(name);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#names.values();
  }
}
