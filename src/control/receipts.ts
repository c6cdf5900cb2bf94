/** From the receipts of a submission's bundles to what its caller gets: counts and public ids. */
import type { Receipt } from '../source/pump.ts';
import { taskId } from '../task/id.ts';
import type { WireTask } from '../task/task.ts';

/** More ids than this are not collected. */
const mostIds = 10_000;

/** What became of a submission. */
export interface SubmitReceipt {
  /** Accepted and rejected tasks, without duplicates. */
  submitted: number;
  /** Tasks whose key or id was known: nothing was added for them. */
  duplicates: number;
  /** Malformed tasks: recorded with outcome `rejected`. */
  rejected: number;
  /** Ids of the submitted tasks, in order; null above 10,000. */
  ids: string[] | null;
}

export class ReceiptIds {
  #ids: string[] | null = [];
  readonly #salt: string;

  constructor(salt: string) {
    this.#salt = salt;
  }

  get ids(): string[] | null {
    return this.#ids;
  }

  add(receipt: Receipt, tasks: readonly WireTask[]): void {
    if (this.#ids === null) return;
    const duplicates = new Set(receipt.duplicates.map(([place]) => place));
    let n = receipt.first;
    for (let place = 0; place < tasks.length; place++) {
      if (duplicates.has(place)) continue;
      this.#ids.push(tasks[place]![3]?.id ?? taskId(this.#salt, receipt.submittedAt, n));
      n++;
    }
    if (this.#ids.length > mostIds) this.#ids = null;
  }
}
