/** The tasks and objects of a session by their number: those that matter still, and what is left of those that do not. */
import { GraphObject, type GraphTask } from './entities.ts';
import type { NodeTable, PastNode } from './node-table.ts';
import { PastNodes } from './past.ts';

type Node = GraphTask | GraphObject;

/** Numbers of a page: sessions number their nodes one after the other. */
const pageBits = 6;
const pageMask = 2 ** pageBits - 1;

export class SessionNodes implements NodeTable<Node> {
  /** A number: the row of one that is past. */
  readonly #pages: Map<number, (Node | number | undefined)[]> = new Map();
  readonly #past: PastNodes = new PastNodes();
  #size = 0;
  #pastTasks = 0;
  #next = 0;

  get size(): number {
    return this.#size;
  }

  get pastTasks(): number {
    return this.#pastTasks;
  }

  get next(): number {
    return this.#next;
  }

  has(id: number): boolean {
    return this.#entry(id) !== undefined;
  }

  get(id: number): Node | undefined {
    const entry = this.#entry(id);
    return typeof entry === 'number' ? undefined : entry;
  }

  find(id: number): Node | PastNode | undefined {
    const entry = this.#entry(id);
    return typeof entry === 'number' ? this.#past.at(entry) : entry;
  }

  add(node: Node): void {
    let page = this.#pages.get(node.id >>> pageBits);
    if (page === undefined) {
      // As long as it will be: one that grows is copied three times.
      page = new Array<Node | number | undefined>(pageMask + 1);
      this.#pages.set(node.id >>> pageBits, page);
    }
    page[node.id & pageMask] = node;
    this.#size++;
    this.#next = Math.max(this.#next, node.id + 1);
  }

  forget(node: Node): void {
    const isObject = node instanceof GraphObject;
    if (!isObject) this.#pastTasks++;
    this.#pages.get(node.id >>> pageBits)![node.id & pageMask] = isObject ? this.#past.addObject(node) : this.#past.addTask(node);
  }

  *values(): Generator<Node> {
    for (const page of this.#pages.values()) for (const entry of page) if (entry !== undefined && typeof entry !== 'number') yield entry;
  }

  *from(id: number): Generator<Node | PastNode> {
    const first = id >>> pageBits;
    const pages = [...this.#pages].filter(([page]) => page >= first).sort(([a], [b]) => a - b);
    for (const [page, entries] of pages) {
      for (let at = page === first ? id & pageMask : 0; at < entries.length; at++) {
        const entry = entries[at];
        if (entry !== undefined) yield typeof entry === 'number' ? this.#past.at(entry) : entry;
      }
    }
  }

  clear(): void {
    this.#pages.clear();
    this.#size = 0;
  }

  #entry(id: number): Node | number | undefined {
    return this.#pages.get(id >>> pageBits)?.[id & pageMask];
  }
}
