/**
 * A map by whole numbers that mostly follow one another and go again, as those of tasks, runs and objects do: pages of neighbours instead of a table of hashes. A `Map`
 * through which others pass takes a new table each time that its places are used up; the old one points to the new one, and what it holds is not known to be garbage
 * before V8 marks the whole heap: 7 MB at the end of 50,000 calls, and the tasks of the last 3 seconds of a graph. A page that was left holds nothing.
 */

/** Neighbours in a page: few enough that a number alone in its page costs half a kilobyte. */
const pageSize = 64;

interface Page<V> {
  readonly items: (V | undefined)[];
  used: number;
}

/** Numbers from 0 on. In the order in which their pages were begun: of rising numbers in theirs. Values are anything but `undefined`. */
export class NumberMap<V> {
  #pages: Map<number, Page<V>> = new Map();
  #size = 0;
  /** The page of the last look: the next one is mostly there too. */
  #lastNumber = -1;
  #last: Page<V> | undefined = undefined;
  /** The page that was begun last: it stays when it is empty, since the next number belongs there. */
  #newest = -1;

  get size(): number {
    return this.#size;
  }

  has(n: number): boolean {
    return this.get(n) !== undefined;
  }

  get(n: number): V | undefined {
    return this.#page(Math.floor(n / pageSize))?.items[n % pageSize];
  }

  set(n: number, value: V): void {
    const number = Math.floor(n / pageSize);
    let page = this.#page(number);
    if (page === undefined) page = this.#begin(number);
    if (page.items[n % pageSize] === undefined) {
      page.used++;
      this.#size++;
    }
    page.items[n % pageSize] = value;
  }

  /** Whether it was there. */
  delete(n: number): boolean {
    const number = Math.floor(n / pageSize);
    const page = this.#page(number);
    if (page?.items[n % pageSize] === undefined) return false;
    page.items[n % pageSize] = undefined;
    page.used--;
    this.#size--;
    if (page.used > 0 || number === this.#newest) return true;
    this.#pages.delete(number);
    this.#last = undefined;
    return true;
  }

  clear(): void {
    this.#pages = new Map();
    this.#size = 0;
    this.#last = undefined;
    this.#lastNumber = -1;
    this.#newest = -1;
  }

  *[Symbol.iterator](): Generator<[n: number, value: V]> {
    for (const [number, { items }] of this.#pages) {
      for (let at = 0; at < items.length; at++) {
        const value = items[at];
        if (value !== undefined) yield [number * pageSize + at, value];
      }
    }
  }

  *keys(): Generator<number> {
    for (const [n] of this) yield n;
  }

  *values(): Generator<V> {
    for (const { items } of this.#pages.values()) {
      for (let at = 0; at < items.length; at++) {
        const value = items[at];
        if (value !== undefined) yield value;
      }
    }
  }

  #begin(number: number): Page<V> {
    if (this.#size === 0) this.clear();
    else if (this.#pages.get(this.#newest)?.used === 0) this.#pages.delete(this.#newest);
    const page: Page<V> = { items: new Array<V | undefined>(pageSize).fill(undefined), used: 0 };
    this.#pages.set(number, page);
    this.#newest = number;
    this.#lastNumber = number;
    this.#last = page;
    return page;
  }

  #page(number: number): Page<V> | undefined {
    if (number === this.#lastNumber) return this.#last;
    this.#lastNumber = number;
    this.#last = this.#pages.get(number);
    return this.#last;
  }
}
