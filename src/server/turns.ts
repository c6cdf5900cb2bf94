/**
 * The output gate: turns of the core become transactions, and what depends on them leaves after the commit.
 *
 * Idle → a turn ends with the event-loop round. Busy → not before its pace lets it, or when there are rows enough to be worth it. Commits that are under way,
 * and those that fail, are those of `flights.ts`; one that cannot succeed any more (the file is damaged) ends the loop.
 */
import type { Clock } from '../base/clock.ts';
import type { Deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Awaitable, TaskStore } from '../store/store.ts';
import type { ServerCore } from './core/core.ts';
import type { Instant } from './core/entities.ts';
import type { CoreEvent, Turn } from './core/events.ts';
import { Flights, waited } from './flights.ts';
import { Rest } from './rest.ts';

/** Rows that are worth a transaction at once: FULL costs 30 % at 100 tasks a commit, 9 % at 500, 5 % at 2,000. Waiting for 4,000 took in 21,000 lines a second instead of 150,000. */
const mostRows = 500;

/** What waits for a commit that fails. */
export interface Unrecorded {
  /** Tasks that were submitted, ends of attempts. */
  tasks: number;
  results: number;
}

/** What comes so late (ms) means that the process stood still. */
const standstill = 250;

export interface TurnHandlers {
  /** What leaves after the commit. */
  perform(turn: Turn): void;
  /** Commits fail (and later succeed again: null). */
  stalled(error: MillraceError | null): void;
  /** The loop cannot go on. */
  failed(error: MillraceError): void;
}

export class Turns {
  readonly #core: ServerCore;
  readonly #store: TaskStore;
  readonly #clock: Clock;
  readonly #handlers: TurnHandlers;
  readonly #flights: Flights;
  #scheduled: (() => void) | null = null;
  #immediate = false;
  /** Something was fed since the last turn was taken. */
  #dirty = false;
  #rows = 0;
  readonly #rest: Rest;
  #wake: (() => void) | null = null;
  #wakeAt = Number.POSITIVE_INFINITY;
  /** When the core was told something last: the process was not frozen then; and when it had to be told something, as far as is known. */
  #fedAt = 0;
  #dueAt = Number.POSITIVE_INFINITY;
  #closed = false;
  /** Who waits for the commit of what is open. */
  #open: Deferred<void> | null = null;

  constructor(core: ServerCore, store: TaskStore, clock: Clock, handlers: TurnHandlers, logger: Logger) {
    this.#core = core;
    this.#store = store;
    this.#clock = clock;
    this.#handlers = handlers;
    this.#flights = new Flights(
      store,
      clock,
      {
        landed: (turn) => this.#perform(turn),
        stalled: (error, ms) => {
          handlers.stalled(error);
          if (error === null) this.feed({ type: 'deaf', ms });
        },
        failed: (error) => this.#fail(error),
      },
      logger,
    );
    this.#rest = new Rest(store, clock, () => !this.#dirty && !this.#flights.any);
  }

  get time(): Instant {
    return { now: this.#clock.now(), wall: this.#clock.wall() };
  }

  /** Tell the core; its turn will follow. `rows`: about how many rows the event will write. */
  feed(event: CoreEvent, rows = 0): void {
    if (this.#closed) return;
    const { time } = this;
    // Nothing came, nor what was due: the process was frozen, or a commit held it up. What its clients said meanwhile is not read yet.
    const late = time.now - Math.max(this.#dueAt, this.#fedAt);
    this.#fedAt = time.now;
    try {
      if (late > standstill) this.#core.handle({ type: 'deaf', ms: late }, time);
      this.#core.handle(event, time);
    } catch (thrown) {
      this.#fail(thrown);
      return;
    }
    this.#rows += rows;
    this.#dirty = true;
    this.#schedule();
  }

  /**
   * Until all that was fed so far is committed; null: it is. What an answer says of the core may leave then.
   * @throws ERR_ENDED The server ended before: what was open is dropped.
   */
  committed(): Promise<void> | null {
    if (this.#closed) return this.#dirty || this.#flights.any ? Promise.reject(dropped()) : null;
    if (!this.#dirty) return this.#flights.landed();
    this.#open ??= waited();
    return this.#open.promise;
  }

  /** What the turns hold that is in no commit yet. The loop is closed by it: the turn that is open is taken. */
  abandon(): Unrecorded {
    this.close();
    const failing = this.#flights.unrecorded();
    const rest = this.#dirty ? this.#core.endTurn(this.time).writes : null;
    const unrecorded = { tasks: 0, results: 0 };
    for (const writes of [...failing, rest]) {
      unrecorded.tasks += writes?.tasks.length ?? 0;
      unrecorded.results += (writes?.ends.length ?? 0) + (writes?.attempts.length ?? 0);
    }
    return unrecorded;
  }

  close(): void {
    this.#closed = true;
    this.#scheduled?.();
    this.#rest.close();
    this.#wake?.();
    this.#flights.close(dropped);
    this.#open?.reject(dropped());
    this.#open = null;
  }

  #schedule(): void {
    if (this.#immediate || !this.#flights.mayStart(this.#rows >= mostRows)) return;
    const wait = this.#rows >= mostRows ? 0 : this.#flights.notBefore - this.#clock.now();
    if (wait > 0) {
      this.#scheduled ??= this.#clock.after(wait, () => {
        this.#scheduled = null;
        this.#run();
      });
      return;
    }
    this.#scheduled?.();
    this.#scheduled = null;
    this.#immediate = true;
    setImmediate(() => {
      this.#immediate = false;
      this.#run();
    });
  }

  #run(): void {
    if (this.#closed || !this.#flights.mayStart(this.#rows >= mostRows)) return;
    this.#rows = 0;
    this.#dirty = false;
    const waiting = this.#open;
    this.#open = null;
    let turn: Turn;
    try {
      turn = this.#core.endTurn(this.time);
    } catch (thrown) {
      this.#fail(thrown);
      return;
    }
    this.#flights.start(turn, waiting);
  }

  #perform(turn: Turn): void {
    this.#handlers.perform(turn);
    if (this.#closed) return;
    const { refills, lookups } = turn;
    for (const question of refills)
      this.#answer(
        () => this.#store.ready(question.after, question.limit, question.lanes ?? undefined),
        (rows) => this.feed({ type: 'refilled', question, rows }),
      );
    if (lookups.length > 0)
      this.#answer(
        () => this.#store.outcomes(lookups),
        (outcomes) => this.feed({ type: 'parents', outcomes }),
      );
    if (this.#closed) return;
    this.#setWake();
    this.#rest.turned();
    if (this.#dirty) this.#schedule();
  }

  /** Ask the store what the core wants to know: at once, where the store answers at once. */
  #answer<T>(ask: () => Awaitable<T>, tell: (answer: T) => void): void {
    try {
      const answer = ask();
      if (answer instanceof Promise) answer.then(tell, (thrown: unknown) => this.#fail(thrown));
      else tell(answer);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #setWake(): void {
    const at = this.#core.wakeAt() ?? Number.POSITIVE_INFINITY;
    if (at >= this.#wakeAt && this.#wake !== null) return;
    this.#wake?.();
    this.#wake = null;
    this.#wakeAt = at;
    this.#dueAt = at;
    if (!Number.isFinite(at)) return;
    this.#wake = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      this.#wake = null;
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.feed({ type: 'tick' });
      // Until the next wake is known the silence since this one counts.
      this.#dueAt = 0;
    });
  }

  #fail(thrown: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#handlers.failed(MillraceError.from(thrown));
  }
}

function dropped(): MillraceError {
  return new MillraceError('ERR_ENDED', 'the run ended before this was recorded');
}
