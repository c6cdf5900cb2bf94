/** The names of methods that are called without an answer: a set that takes many at once. */
import { MillraceError } from '../base/errors.ts';

export class NameSet {
  readonly #names: Set<string> = new Set();

  get size(): number {
    return this.#names.size;
  }

  add(name: string): this {
    if (typeof name !== 'string' || name === '') throw refused(name);
    this.#names.add(name);
    return this;
  }

  /** Adds each. @throws ERR_OPTION */
  update(names: Iterable<string>): this {
    if (typeof names === 'string') throw refused(names);
    for (const name of names) this.add(name);
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

function refused(name: unknown): MillraceError {
  return new MillraceError('ERR_OPTION', `oneway methods are names: add('play'), update(['play', 'stop']); it is ${JSON.stringify(name)}`);
}
