/**
 * Turns whose commits are under way, in the order of the turns: what depends on one leaves after its commit and after that of every turn before it. Where the
 * store takes several commits at a time, the next turn is made ready while one is on its way.
 *
 * A commit that fails keeps its turn, and those behind it theirs; when all that is under way has been answered they are made again, in order. Nothing was said,
 * so nothing must be unsaid.
 */
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { isLasting } from '../store/lasting.ts';
import type { TaskStore, Writes } from '../store/store.ts';
import type { Turn } from './core/events.ts';

/** A commit that fails is tried again after this (ms), doubling up to the other. */
const firstRetry = 100;
const longestRetry = 5_000;

export interface FlightHandlers {
  /** The turn is committed, and all before it. */
  landed(turn: Turn): void;
  /** Commits fail; or succeed again (null), after so long (ms). */
  stalled(error: MillraceError | null, ms: number): void;
  failed(error: MillraceError): void;
}

interface Flight {
  readonly turn: Turn;
  /** Who waits for it. */
  waiting: Deferred<void> | null;
  state: 'under way' | 'made' | 'failed';
  began: number;
}

export class Flights {
  readonly #store: TaskStore;
  readonly #clock: Clock;
  readonly #handlers: FlightHandlers;
  readonly #logger: Logger;
  readonly #pace = new CommitPace();
  readonly #flights: Flight[] = [];
  /** Why commits fail; null: they do not. */
  #failure: MillraceError | null = null;
  #retry = firstRetry;
  /** Since when commits fail, and nothing is read. */
  #stalledSince = 0;
  #closed = false;

  constructor(store: TaskStore, clock: Clock, handlers: FlightHandlers, logger: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#handlers = handlers;
    this.#logger = logger;
  }

  get any(): boolean {
    return this.#flights.length > 0;
  }

  /** When the next commit may begin, where none is under way. */
  get notBefore(): number {
    return this.#pace.notBefore;
  }

  /** Whether a further turn may be taken; `worth`: it has rows enough to be sent behind another. What the store is asked after a turn is asked before the next. */
  mayStart(worth: boolean): boolean {
    const { length } = this.#flights;
    if (length === 0) return true;
    if (!worth || this.#failure !== null || length >= (this.#store.commitsAtOnce ?? 1)) return false;
    return this.#flights.every(({ turn: { refills, lookups, finish } }) => refills.length + lookups.length === 0 && finish === null);
  }

  start(turn: Turn, waiting: Deferred<void> | null): void {
    const flight: Flight = { turn, waiting, state: 'under way', began: 0 };
    this.#flights.push(flight);
    this.#commit(flight);
  }

  /** The commit of all that is under way; null: nothing is. */
  landed(): Promise<void> | null {
    const last = this.#flights[this.#flights.length - 1];
    if (last === undefined) return null;
    last.waiting ??= waited();
    return last.waiting.promise;
  }

  /** What is in no commit yet, while commits fail. */
  unrecorded(): Writes[] {
    return this.#flights.flatMap(({ turn: { writes }, state }) =>
      writes === null || state === 'made' || this.#failure === null ? [] : [writes],
    );
  }

  close(why: () => MillraceError): void {
    this.#closed = true;
    for (const flight of this.#flights) {
      flight.waiting?.reject(why());
      flight.waiting = null;
    }
  }

  #commit(flight: Flight): void {
    flight.state = 'under way';
    const { writes } = flight.turn;
    if (writes === null) {
      this.#made(flight);
      return;
    }
    flight.began = this.#clock.now();
    try {
      const committing = this.#store.commit(writes);
      if (committing instanceof Promise) {
        committing.then(
          () => this.#committed(flight),
          (thrown: unknown) => this.#again(flight, thrown),
        );
        return;
      }
    } catch (thrown) {
      this.#again(flight, thrown);
      return;
    }
    this.#committed(flight);
  }

  #committed(flight: Flight): void {
    const now = this.#clock.now();
    if (this.#store.durable) this.#pace.committed(now - flight.began, now);
    this.#made(flight);
  }

  #made(flight: Flight): void {
    flight.state = 'made';
    if (this.#failure !== null && this.#flights.every(({ state }) => state === 'made')) {
      this.#failure = null;
      this.#retry = firstRetry;
      this.#logger.info({}, 'commits succeed again');
      this.#handlers.stalled(null, this.#clock.now() - this.#stalledSince);
    }
    while (this.#flights[0]?.state === 'made') {
      const { turn, waiting } = this.#flights.shift()!;
      waiting?.resolve();
      this.#handlers.landed(turn);
    }
    this.#retryLater();
  }

  #again(flight: Flight, thrown: unknown): void {
    const error = MillraceError.from(thrown, 'ERR_DATABASE');
    flight.state = 'failed';
    if (this.#closed) return;
    if (isLasting(error)) {
      this.#handlers.failed(error);
      return;
    }
    if (this.#failure === null) this.#stalledSince = this.#clock.now();
    // Those behind it fail because of it.
    if (this.#flights[0] === flight) {
      this.#failure = error;
      this.#logger.error({ err: error, retryMs: this.#retry }, 'a commit failed; it will be tried again');
      this.#handlers.stalled(error, 0);
    }
    this.#failure ??= error;
    this.#retryLater();
  }

  /** Once nothing is under way, and something failed. */
  #retryLater(): void {
    if (this.#failure === null || this.#flights.some(({ state }) => state === 'under way')) return;
    this.#clock.after(this.#retry, () => {
      if (this.#closed) return;
      // What is sent lands when it is answered: the list stays as it is meanwhile.
      for (const flight of [...this.#flights]) if (flight.state === 'failed') this.#commit(flight);
    });
    this.#retry = Math.min(longestRetry, this.#retry * 2);
  }
}

export function waited(): Deferred<void> {
  const waiting = deferred<void>();
  // Whoever waited may have left meanwhile.
  waiting.promise.catch(() => {});
  return waiting;
}

/** Commits that wait for nothing after a pause: a call alone makes two (taken, ended), and without this its end waits for four times the first of them. */
const commitsAtOnce = 8;

/**
 * How often a busy server commits: not before five times the fixed cost of the commits of late has passed, so that fsync takes at most a fifth of the
 * thread. What comes alone waits for nothing.
 */
export class CommitPace {
  /** By when the commits so far are a fifth of the time. It lags behind where there were few. */
  notBefore = 0;
  /** ms that a commit costs whatever is in it: the shortest of late. The rest of a long one is rows, which waiting would not save. */
  #fixed = 10;

  /** A commit took `ms` and ended `now`. */
  committed(ms: number, now: number): void {
    this.#fixed = Math.min(ms, this.#fixed * 1.05);
    const share = 5 * this.#fixed;
    // Commits that had rows enough did not wait: without a bound each of them put the next small one off by a share (after 1,000,000 lines 7 s, for one task).
    this.notBefore = Math.min(now + share - this.#fixed, Math.max(this.notBefore, now - commitsAtOnce * share) + share);
  }
}
