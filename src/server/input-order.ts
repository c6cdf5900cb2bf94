/**
 * Recorded results in the order of acceptance: a reader's cursor is the number of the last task that it was given, and it is parked on the first task after
 * that which is not done. Who waits for what is looked up by number, so a turn costs nothing beyond one comparison a task while nobody reads so, and
 * a reader costs one look into the store for each time that the task it waits for ends.
 *
 * When nothing more will be recorded, tasks that are not done are passed over: the run was stopped before them.
 */
import { fewestRows, fitting, leanRow, type ResultPage, rowSize } from '../data/row-size.ts';
import { storedState, type TaskRow, type TaskStore } from '../store/store.ts';

/** Parked under this: there is no next task yet. */
const anyTask = 0;

export class InputOrder {
  readonly #store: TaskStore;
  readonly #parked: Map<number, (() => void)[]> = new Map();
  /** The lowest number that ended in this run. */
  #lowest = Number.POSITIVE_INFINITY;
  /** Counts turns with ends: a look into the store that one of them overtook is made again. */
  #turns = 0;
  #ended = false;

  constructor(store: TaskStore) {
    this.#store = store;
  }

  /** The cursor before the first task that was not done when the run began. */
  async start(): Promise<number> {
    const pending = [];
    for (const state of [storedState.ready, storedState.waiting]) pending.push(...(await this.#store.numbers({ state, limit: 1 })));
    const lowest = Math.min(this.#lowest, ...pending);
    if (Number.isFinite(lowest)) return lowest - 1;
    const [last] = await this.#store.numbers({ desc: true, limit: 1 });
    return last ?? 0;
  }

  /** These tasks ended, and the store knows it. */
  told(ended: readonly { readonly n: number }[]): void {
    this.#turns++;
    for (const { n } of ended) if (n < this.#lowest) this.#lowest = n;
    if (this.#parked.size === 0) return;
    this.#wake(anyTask);
    for (const { n } of ended) this.#wake(n);
  }

  /** Nothing more will be recorded. */
  end(): void {
    this.#ended = true;
    for (const n of [...this.#parked.keys()]) this.#wake(n);
  }

  /** The next results after a cursor; waits until there are some, or the end. */
  async page(after: number, limit: number): Promise<ResultPage> {
    const rows: TaskRow[] = [];
    let cursor = after;
    let bytes = 0;
    while (rows.length < limit) {
      const turns = this.#turns;
      const ended = this.#ended;
      const wanted = Math.min(Math.max(fewestRows, rows.length), limit - rows.length);
      const found = await this.#store.find({ after: cursor, limit: wanted });
      const pending = ended ? -1 : found.findIndex(({ end }) => end === null);
      const known = pending === -1 ? found : found.slice(0, pending);
      const done = known.filter(({ end }) => end !== null).map(leanRow);
      const fit = fitting(done, rowSize, bytes);
      rows.push(...done.slice(0, fit.count));
      bytes = fit.bytes;
      if (fit.count < done.length) return { rows, cursor: done[fit.count - 1]?.n ?? cursor, ended: false };
      cursor = known[known.length - 1]?.n ?? cursor;
      if (pending === -1 && found.length === wanted) continue;
      if (rows.length > 0) break;
      if (ended) return { rows, cursor, ended: true };
      if (turns === this.#turns && !this.#ended) await this.#park(found[pending]?.n ?? anyTask);
    }
    return { rows, cursor, ended: false };
  }

  #park(n: number): Promise<void> {
    return new Promise((resolve) => {
      const parked = this.#parked.get(n);
      if (parked === undefined) this.#parked.set(n, [resolve]);
      else parked.push(resolve);
    });
  }

  #wake(n: number): void {
    const parked = this.#parked.get(n);
    if (parked === undefined) return;
    this.#parked.delete(n);
    for (const resolve of parked) resolve();
  }
}
