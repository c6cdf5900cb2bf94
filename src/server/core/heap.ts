/** A binary heap whose items know their place in it, so that any of them can leave or be moved in O(log n). */

export interface HeapItem {
  /** The place in the heap that holds it; negative: in none. */
  at: number;
}

export class Heap<T extends HeapItem> {
  readonly #before: (a: T, b: T) => boolean;
  readonly #items: T[] = [];

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** The item that would be first without the first one. */
  get second(): T | undefined {
    const [, left, right] = this.#items;
    return left === undefined || right === undefined || this.#before(left, right) ? left : right;
  }

  push(item: T): void {
    item.at = this.#items.length;
    this.#items.push(item);
    this.#up(item);
  }

  remove(item: T): void {
    const last = this.#items.pop()!;
    if (last !== item) {
      this.#items[item.at] = last;
      last.at = item.at;
      this.moved(last);
    }
    item.at = -1;
  }

  /** The item's order has changed. */
  moved(item: T): void {
    this.#up(item);
    this.#down(item);
  }

  has(item: T): boolean {
    return this.#items[item.at] === item;
  }

  *[Symbol.iterator](): Iterator<T> {
    yield* this.#items;
  }

  #up(item: T): void {
    const items = this.#items;
    let at = item.at;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above]!;
      if (!this.#before(item, parent)) break;
      items[at] = parent;
      parent.at = at;
      at = above;
    }
    items[at] = item;
    item.at = at;
  }

  #down(item: T): void {
    const items = this.#items;
    let at = item.at;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.#before(items[below + 1]!, items[below]!)) below++;
      const child = items[below]!;
      if (!this.#before(child, item)) break;
      items[at] = child;
      child.at = at;
      at = below;
    }
    items[at] = item;
    item.at = at;
  }
}
