/** A list whose items may have labels, each label once: what a task's inputs and outputs are. */
import { didYouMean } from '../base/nearest.ts';
import { RainException } from './exceptions.ts';

type Label = string | null;

/**
 * An item is read by its place (`list.get(0)`, from the end `list.get(-1)`) or its label (`list.get('stdout')`). A label that is there already, or
 * that nobody has, is an error; whatever throws has changed nothing.
 */
export class LabeledList<T> implements Iterable<T> {
  #items: T[] = [];
  /** Of each item; null: none has one. */
  #labels: Label[] | null = null;
  #taken: Set<string> | null = null;
  /** Why it cannot be changed any more. */
  #fixed: string | null = null;

  /** Items with their labels, or another list: a copy with its labels. */
  constructor(items: Iterable<T> = [], labels: Iterable<Label> | null = null) {
    const values = [...items];
    const names = labels !== null ? [...labels] : items instanceof LabeledList ? items.labels : values.map(() => null);
    if (names.length !== values.length) throw new RainException(`${values.length} items need as many labels; there are ${names.length}`);
    for (const [at, name] of names.entries()) this.append(values[at] as T, name);
  }

  /** A list of `[label, item]`. */
  static fromPairs<T>(pairs: Iterable<readonly [Label, T]>): LabeledList<T> {
    const list = new LabeledList<T>();
    for (const [label, item] of pairs) list.append(item, label);
    return list;
  }

  /** For the library: a list of these, whose labels are known to be different; whoever would change it is told why not. */
  static fixed<T>(items: T[], labels: Label[] | null, reason: string): LabeledList<T> {
    const list = new LabeledList<T>();
    list.#items = items;
    list.#labels = labels;
    list.#fixed = reason;
    return list;
  }

  get length(): number {
    return this.#items.length;
  }

  get labels(): readonly Label[] {
    return this.#labels === null ? this.#items.map(() => null) : [...this.#labels];
  }

  /** The item at a place or with a label. */
  get(key: number | string): T {
    return this.#items[this.#place(key)] as T;
  }

  /** Whether an item has this label. */
  has(label: string): boolean {
    return this.#labels?.includes(label) ?? false;
  }

  /** A plain list of some items, without labels. */
  slice(from?: number, to?: number): T[] {
    return this.#items.slice(from, to);
  }

  append(item: T, label: Label = null): void {
    this.#checkOpen();
    this.#take(label, null);
    this.#items.push(item);
    this.#labels?.push(label);
  }

  /** Before the item at this place. */
  insert(at: number, item: T, label: Label = null): void {
    this.#checkOpen();
    this.#take(label, null);
    this.#items.splice(at, 0, item);
    this.#labels?.splice(at, 0, label);
  }

  /** Another item at a place, under `label`: none when it is not given. Under a label of the list: it keeps that. */
  set(key: number | string, item: T, label: Label = typeof key === 'string' ? key : null): void {
    this.#checkOpen();
    const at = this.#place(key);
    this.#relabel(at, label);
    this.#items[at] = item;
  }

  /** Takes an item out, by default the last, and gives it. */
  pop(key: number | string = -1): T {
    this.#checkOpen();
    const at = this.#place(key);
    this.#relabel(at, null);
    this.#labels?.splice(at, 1);
    return this.#items.splice(at, 1)[0] as T;
  }

  getLabel(at: number): Label {
    const place = this.#place(at);
    return this.#labels?.[place] ?? null;
  }

  setLabel(at: number, label: Label): void {
    this.#checkOpen();
    this.#relabel(this.#place(at), label);
  }

  /** `[label, item]` of each. */
  items(): [Label, T][] {
    return this.#items.map((item, at) => [this.#labels?.[at] ?? null, item]);
  }

  /** The same items under the same labels, in the same order. */
  equals(other: unknown): boolean {
    if (!(other instanceof LabeledList) || other.length !== this.length) return false;
    const theirs = other.items();
    return this.items().every(([label, item], at) => theirs[at]?.[0] === label && Object.is(theirs[at]?.[1], item));
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]();
  }

  #place(key: number | string): number {
    if (typeof key === 'string') {
      const at = this.#labels?.indexOf(key) ?? -1;
      if (at >= 0) return at;
      const known = (this.#labels ?? []).filter((label) => label !== null);
      throw new RainException(`no item has the label '${key}'.${didYouMean(key, known)}`);
    }
    const at = key < 0 ? key + this.length : key;
    if (Number.isInteger(at) && at >= 0 && at < this.length) return at;
    throw new RainException(`the list has ${this.length} items and none at ${String(key)}`);
  }

  #checkOpen(): void {
    if (this.#fixed !== null) throw new RainException(this.#fixed);
  }

  /** From now on this label is taken, and that which it takes the place of is not. */
  #take(label: Label, before: Label): void {
    if (label === before) return;
    if (label !== null) {
      if (typeof label !== 'string') throw new RainException(`a label is a text or null; it is ${String(label)}`);
      if (this.#taken?.has(label)) throw new RainException(`two items have the label '${label}'`);
      this.#labels ??= this.#items.map(() => null);
      this.#taken ??= new Set();
      this.#taken.add(label);
    }
    if (before !== null) this.#taken?.delete(before);
  }

  #relabel(at: number, label: Label): void {
    this.#take(label, this.#labels?.[at] ?? null);
    if (this.#labels !== null) this.#labels[at] = label;
  }
}
