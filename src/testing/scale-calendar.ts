/**
 * What is due at which virtual millisecond, for runs with hundreds of thousands of timers: a list for each millisecond, where a heap would
 * take most of the run's time. Nothing is ever taken back: who was told too early looks again.
 */
export class Calendar<T> {
  readonly #days: Map<number, T[]> = new Map();

  /** `time` in ms; fractions are due at the next whole one. */
  add(time: number, item: T): void {
    const day = Math.ceil(time);
    const items = this.#days.get(day);
    if (items === undefined) this.#days.set(day, [item]);
    else items.push(item);
  }

  /** What is due at this millisecond, in the order in which it was added. */
  take(day: number): readonly T[] {
    const items = this.#days.get(day);
    if (items === undefined) return [];
    this.#days.delete(day);
    return items;
  }
}
