/**
 * Suspects: ready tasks that have lost their clients so often that the next loss would end them. They stand beside the window and run alone
 * (`isolate.ts`): what kills its clients takes nobody with it for good, since whoever ran beside it is a suspect too by then and ends in peace.
 *
 * Alone means slowly: so only for the last chance, not for each loss (clients on borrowed machines are lost with all they run), and few are held.
 */
import type { CoreClient, CoreTask } from './entities.ts';
import { before } from './order.ts';

/** So many are held at most, what a large client runs at once: where more lose their clients it is not the tasks, and the others go out as ever. */
const mostSuspects = 256;

/** A client that gets nothing more, until it holds nothing and can be given the task. */
export interface Emptied {
  readonly client: CoreClient;
  readonly task: CoreTask;
}

export class Suspects {
  readonly #losses: number;
  /** In queue order. */
  readonly #tasks: CoreTask[] = [];
  /** One client at a time: the others go on. What limits allow of the task is leased to it already. */
  emptied: Emptied | null = null;

  /** A single loss makes nobody suspect. */
  constructor(maxLosses: number) {
    this.#losses = Math.max(2, maxLosses - 1);
  }

  get size(): number {
    return this.#tasks.length;
  }

  /** Whether a task is one. */
  suspects({ losses }: CoreTask): boolean {
    return losses >= this.#losses;
  }

  /** Take a task that is one out of what may go to anybody; false: it goes like others. */
  holdBack(task: CoreTask): boolean {
    if (!this.suspects(task) || this.size >= mostSuspects) return false;
    const next = this.#tasks.findIndex((other) => before(task, other));
    this.#tasks.splice(next < 0 ? this.size : next, 0, task);
    return true;
  }

  has(task: CoreTask): boolean {
    return this.#tasks.includes(task);
  }

  /** False: it is not here. */
  remove(task: CoreTask): boolean {
    const at = this.#tasks.indexOf(task);
    if (at >= 0) this.#tasks.splice(at, 1);
    return at >= 0;
  }

  [Symbol.iterator](): Iterator<CoreTask> {
    return this.#tasks[Symbol.iterator]();
  }
}
