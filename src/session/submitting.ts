/** The submissions of a session, one after the other, and which of its nodes the server has accepted. */
import type { Home, NodeRecord } from './records.ts';

export class Submitting {
  readonly #home: Home;
  /** Settles when all of `#open` that are on their way have ended, well or not. */
  #ended: Promise<void> = Promise.resolve();
  #open = 0;
  /** The server has all nodes of a lower number: they are numbered as they are made, and a submission takes all that were made until then. */
  #accepted = 0;

  constructor(home: Home) {
    this.#home = home;
  }

  /** Never rejects. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** When those before have ended. */
  next(submit: () => Promise<void>): Promise<void> {
    const next = this.#ended.then(submit);
    this.#open++;
    this.#ended = next.catch(() => {}).then(() => void this.#open--);
    return next;
  }

  accepted(upTo: number): void {
    this.#accepted = upTo;
  }

  /** A submission that may bring one of these is on its way; null: any. */
  brings(nodes: readonly NodeRecord[] | null): boolean {
    return this.#open > 0 && (nodes === null || nodes.some(({ home, id }) => home === this.#home && id >= this.#accepted));
  }
}
