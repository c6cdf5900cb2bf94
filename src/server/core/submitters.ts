/**
 * The submitters that the server knows: those that keep the run open, and for a while those that are gone, so that what comes from an older
 * connection, or twice, is recognized. Each `run()` of a single task is a submitter of its own: a server that goes on for months must forget them.
 */
export interface Receipt {
  first: number;
  submittedAt: number;
  count: number;
  duplicates: (readonly [place: number, n: number])[];
  rejected: number;
}

export interface Submitter {
  readonly id: string;
  open: boolean;
  connection: string | null;
  /** Monotonic: when it said that it is done, or since when its connection is gone. */
  goneAt: number;
  sequence: number;
  receipts: [sequence: number, receipt: Receipt][];
}

/** One that left without a word may come back for ten minutes: it is known for longer (ms). */
const lostFor = 3_600_000;

/** More than these are forgotten earlier, of each sort. */
const mostKept = 10_000;

export class Submitters {
  readonly #known: Map<string, Submitter> = new Map();
  readonly #open: Set<Submitter> = new Set();
  /** Closed ones, in the order in which they are forgotten. */
  readonly #done: Set<Submitter> = new Set();
  readonly #lost: Set<Submitter> = new Set();
  /** How often one was taken in by this server. */
  openings = 0;
  /** Forgotten since they were asked for. */
  #forgotten: string[] = [];

  get size(): number {
    return this.#known.size;
  }

  get(id: string): Submitter | undefined {
    return this.#known.get(id);
  }

  /** Those that keep the run open. */
  get open(): ReadonlySet<Submitter> {
    return this.#open;
  }

  /** Take one in, or again in: it submits. */
  enter(submitter: Submitter): void {
    submitter.open = true;
    this.#known.set(submitter.id, submitter);
    this.#done.delete(submitter);
    this.#lost.delete(submitter);
    this.#open.add(submitter);
  }

  /** It submits no more. `doneFor`: it said so, and may be forgotten after so many ms; null: it was lost. */
  close(submitter: Submitter, now: number, doneFor: number | null): void {
    submitter.open = false;
    submitter.connection = null;
    submitter.goneAt = now;
    this.#known.set(submitter.id, submitter);
    this.#open.delete(submitter);
    (doneFor === null ? this.#lost : this.#done).add(submitter);
    if (doneFor !== null) this.#forget(this.#done, now - doneFor);
    this.#forget(this.#lost, now - lostFor);
  }

  /** Whose rows may leave the store. */
  takeForgotten(): string[] {
    if (this.#forgotten.length === 0) return this.#forgotten;
    const forgotten = this.#forgotten;
    this.#forgotten = [];
    return forgotten;
  }

  #forget(closed: Set<Submitter>, before: number): void {
    for (const submitter of closed) {
      if (submitter.goneAt > before && closed.size <= mostKept) return;
      closed.delete(submitter);
      this.#known.delete(submitter.id);
      this.#forgotten.push(submitter.id);
    }
  }
}
