/**
 * What a server does while its database cannot be written (a full disk): nothing is accepted, granted or said to be recorded; clients run on and keep
 * their results, submitters their bundles; everybody is told, and may ask. Commits are tried again by `turns.ts`.
 *
 * States. *clear* → (a commit fails) *stalled* → (one succeeds) clear. A run that is to end while it is stalled, or stalls while it ends, is given up
 * after a bounded time: waiting for space could take for ever, and who stops a server must get an answer.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { StoreCounts } from '../store/store.ts';
import { outcomeCode } from '../task/result.ts';
import type { Turn } from './core/events.ts';
import type { RecordedCounts, Stalled } from './summary.ts';
import type { Unrecorded } from './turns.ts';

/** How long a run that ends waits for its commits to succeed (ms): after a plain stop, and after one that drains. */
const patience = { stop: 2_000, drain: 30_000 } as const;

/** What the others are told of it. */
export interface StallFacts {
  code: string;
  message: string;
}

export interface StallHandlers {
  /** Read nothing more, or read again. */
  hold(wanted: boolean): void;
  /** Tell those who listen. */
  tell(facts: StallFacts | null): void;
  /** Until what the core did so far is committed; null: it is. */
  committed(): Promise<void> | null;
  /** No commit is tried any more: what is in none. */
  abandon(): Unrecorded;
  failed(error: MillraceError): void;
}

export class Stall {
  readonly #clock: Clock;
  readonly #handlers: StallHandlers;
  readonly #waiting: Set<() => void> = new Set();
  readonly #initial: StoreCounts;
  #counts: StoreCounts;
  #error: MillraceError | null = null;
  /** How the run is to end; null: not yet. */
  #ending: keyof typeof patience | null = null;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, counts: StoreCounts, handlers: StallHandlers) {
    this.#clock = clock;
    this.#initial = counts;
    this.#counts = counts;
    this.#handlers = handlers;
  }

  /** Why nothing can be written; null: it can. */
  get facts(): StallFacts | null {
    return this.#error === null ? null : { code: this.#error.code, message: this.#error.message };
  }

  /** A turn was committed. */
  recorded({ writes }: Turn): void {
    this.#counts = writes?.counts ?? this.#counts;
  }

  /** Of this run, as the last commit left them: what an earlier run left pending is this run's work. */
  get counts(): RecordedCounts {
    const before = this.#initial;
    const { submitted, outcomes, retried, groups } = this.#counts;
    const pending = pendingOf(groups);
    return {
      submitted: submitted - before.submitted + pendingOf(before.groups),
      outcomes: outcomes.map((count, code) => (code === outcomeCode.none ? pending : Math.max(0, count - (before.outcomes[code] ?? 0)))),
      retried: retried - before.retried,
      pending,
    };
  }

  /** What there is to be told of the run while nothing can be recorded; null: all of it. */
  get view(): Stalled | null {
    return this.facts === null ? null : { facts: this.facts, recorded: this.counts };
  }

  /** A commit failed, once more; or, with null, succeeded after that. */
  set(error: MillraceError | null): void {
    const before = this.#error;
    this.#error = error;
    if (before?.message !== error?.message) this.#handlers.tell(this.facts);
    if ((before === null) === (error === null)) return;
    this.#handlers.hold(error !== null);
    if (error === null) this.close();
    else {
      for (const tell of this.#waiting) tell();
      this.#limit();
    }
  }

  /** The run is to end. A plain stop replaces one that drains. */
  end(how: keyof typeof patience): void {
    if (this.#ending === how || this.#ending === 'stop') return;
    this.#ending = how;
    if (this.#error !== null) this.#limit();
  }

  /**
   * Until what an answer says of the core is committed, or is known not to be for a while.
   * @throws ERR_ENDED
   */
  async known(): Promise<void> {
    const committed = this.#error === null ? this.#handlers.committed() : null;
    if (committed === null) return;
    await new Promise<void>((resolve, reject) => {
      const tell = (): void => {
        this.#waiting.delete(tell);
        resolve();
      };
      this.#waiting.add(tell);
      committed.then(tell, (error: unknown) => {
        this.#waiting.delete(tell);
        reject(error);
      });
    });
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #limit(): void {
    if (this.#ending === null) return;
    this.close();
    this.#cancel = this.#clock.after(patience[this.#ending], () => this.#giveUp());
  }

  #giveUp(): void {
    const { message = '', cause } = this.#error ?? {};
    const { tasks, results } = this.#handlers.abandon();
    this.#handlers.failed(
      new MillraceError(
        'ERR_DATABASE',
        `the server was to end while its database could not be written (${message}): ${results} results and ${tasks} submitted tasks were not recorded. Nobody was told that they were: clients in other processes keep their results for the next start, submissions have to be repeated`,
        { cause, details: { unrecorded: { tasks, results } } },
      ),
    );
  }
}

function pendingOf(groups: Readonly<Record<string, number>>): number {
  return Object.values(groups).reduce((sum, count) => sum + count, 0);
}
