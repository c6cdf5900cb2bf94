/**
 * A cursor over recorded results, page by page: it never slows the run, and reads on after the run's end. In the order of their recording, or in that of
 * the acceptance of their tasks: then the server answers when the next one is done.
 */
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { toTaskResult } from '../data/record.ts';
import type { ResultPage } from '../data/row-size.ts';
import type { TaskRow } from '../store/store.ts';
import type { TaskResult } from '../task/result.ts';
import type { Ask } from './tasks.ts';

const pageSize = 500;

export const resultOrders = ['completed', 'input'] as const;
export type ResultOrder = (typeof resultOrders)[number];

/** How results are to be read. */
export interface ResultsOptions {
  /**
   * `'completed'` (default): in the order of their recording. `'input'`: in the order of the acceptance of their tasks, from the first that was not done when
   * the run began; a result comes when all before it are done. A task that is queued again after its turn does not come again.
   */
  order?: ResultOrder;
}

/** @throws ERR_OPTION, ERR_UNKNOWN_OPTION */
export function resultOrder(options: ResultsOptions): ResultOrder {
  if (typeof options !== 'object' || options === null)
    throw new MillraceError('ERR_OPTION', "results() takes an object such as { order: 'input' }");
  for (const name of Object.keys(options)) {
    if (name !== 'order')
      throw new MillraceError('ERR_UNKNOWN_OPTION', `results() has no option '${name.slice(0, 64)}'.${didYouMean(name, ['order'])}`);
  }
  const { order = 'completed' } = options;
  if (resultOrders.includes(order)) return order;
  throw new MillraceError(
    'ERR_OPTION',
    `results come in the order ${resultOrders.join(' or ')}; it is ${JSON.stringify(order)?.slice(0, 64)}`,
  );
}

export class ResultReader implements AsyncIterableIterator<TaskResult> {
  readonly #ask: Ask;
  readonly #salt: Promise<string>;
  readonly #order: ResultOrder;
  /** Opened at once: what is recorded from now on will be read, whenever that is. */
  #cursor: Promise<number>;
  #rows: TaskRow[] = [];
  #next = 0;
  #over = false;
  /** Calls of `next` are answered in order. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ask: Ask, salt: Promise<string>, order: ResultOrder) {
    this.#ask = ask;
    this.#salt = salt;
    this.#order = order;
    this.#cursor = ask('openCursor', { order }) as Promise<number>;
    this.#cursor.catch(() => {});
  }

  next(): Promise<IteratorResult<TaskResult, undefined>> {
    const step = this.#turn.then(() => this.#step());
    this.#turn = step.catch(() => {});
    return step;
  }

  async return(): Promise<IteratorResult<TaskResult, undefined>> {
    if (!this.#over) {
      this.#over = true;
      await this.#cursor.then(() => this.#ask('closeCursor')).catch(() => {});
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #step(): Promise<IteratorResult<TaskResult, undefined>> {
    while (!this.#over && this.#next >= this.#rows.length) {
      const page = (await this.#ask('page', { cursor: await this.#cursor, limit: pageSize, order: this.#order })) as ResultPage;
      this.#rows = page.rows;
      this.#next = 0;
      this.#cursor = Promise.resolve(page.cursor);
      if (page.ended && page.rows.length === 0) await this.return();
    }
    const row = this.#over ? undefined : this.#rows[this.#next++];
    if (row === undefined) return { done: true, value: undefined };
    return { done: false, value: toTaskResult(row, await this.#salt) };
  }
}
