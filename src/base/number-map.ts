/**
 * A map by whole numbers that mostly follow one another, as those of tasks do: pages of neighbours instead of a table of hashes. A `Map` of thousands through
 * which others pass is copied whole each time that its places are used up, into memory that V8 frees only when it marks the whole heap
 * (7 MB at the end of 50,000 calls).
 */

/** Neighbours in a page: few enough that a number alone in its page costs half a kilobyte. */
const neighbours = 64;

interface Page<T> {
  readonly number: number;
  readonly items: (T | undefined)[];
  count: number;
}

export class NumberMap<T extends object> {
  readonly #pages: Map<number, Page<T>> = new Map();
  /** The page that was found last: the next number is mostly in it too. */
  #last: Page<T> | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(n: number): T | undefined {
    const place = n % neighbours;
    return this.#page((n - place) / neighbours)?.items[place];
  }

  has(n: number): boolean {
    return this.get(n) !== undefined;
  }

  set(n: number, item: T): void {
    const place = n % neighbours;
    const number = (n - place) / neighbours;
    let page = this.#page(number);
    if (page === null) {
      page = { number, items: new Array<T | undefined>(neighbours).fill(undefined), count: 0 };
      this.#pages.set(number, page);
      this.#last = page;
    }
    if (page.items[place] === undefined) {
      page.count++;
      this.#size++;
    }
    page.items[place] = item;
  }

  /** False: it was not there. */
  delete(n: number): boolean {
    const place = n % neighbours;
    const page = this.#page((n - place) / neighbours);
    if (page === null || page.items[place] === undefined) return false;
    page.items[place] = undefined;
    this.#size--;
    if (--page.count > 0) return true;
    this.#pages.delete(page.number);
    this.#last = null;
    return true;
  }

  /** By page, in the order in which the pages were begun; inside of a page ascending. */
  *values(): IterableIterator<T> {
    for (const { items } of this.#pages.values()) for (const item of items) if (item !== undefined) yield item;
  }

  /** In the order of `values`. */
  *keys(): IterableIterator<number> {
    for (const { number, items } of this.#pages.values())
      for (let place = 0; place < neighbours; place++) if (items[place] !== undefined) yield number * neighbours + place;
  }

  #page(number: number): Page<T> | null {
    if (this.#last !== null && this.#last.number === number) return this.#last;
    const page = this.#pages.get(number);
    if (page === undefined) return null;
    this.#last = page;
    return page;
  }
}
