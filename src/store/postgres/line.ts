/**
 * A line to the database: one connection at a time, made when it is needed and made anew after it broke, on which calls go one after the other; those of
 * `follow` one behind the other.
 *
 * States: *idle* (no connection) → *open* → idle again when the connection breaks, or an answer does not come; *closed* for ever. A call that fails because
 * of its connection says nothing of whether it took effect: that is for its caller to find out.
 */
import type { Clock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { ConnectionFacts } from './address.ts';
import type { Dial, Driver } from './driver.ts';
import { breaksConnection, databaseError } from './failure.ts';

/** Longest wait for the answer to a statement (ms): then the connection counts as dead. A commit that is waited for longer is looked for on the next connection. */
const answerTimeout = 60_000;

/** Longest wait for answers at the end (ms). */
const farewell = 5_000;

/** Before a call that may be repeated is tried again (ms), doubling up to the second. */
const firstRetry = 50;
const longestRetry = 2_000;

export class Line {
  readonly facts: ConnectionFacts;
  readonly #dial: Dial;
  readonly #clock: Clock;
  #driver: Driver | null = null;
  #dialing: Promise<Driver> | null = null;
  /** All calls so far are over; all but those of `follow` at the end. */
  #last: Promise<unknown> = Promise.resolve();
  #lead: Promise<unknown> = this.#last;
  #closed = false;

  constructor(dial: Dial, facts: ConnectionFacts, clock: Clock) {
    this.#dial = dial;
    this.facts = facts;
    this.#clock = clock;
  }

  /** After all calls before it; nobody else's statement comes between those of `call`. @throws ERR_DATABASE, ERR_ENDED */
  run<T>(call: (driver: Driver) => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#call(call));
    this.#last = turn.catch(() => {});
    this.#lead = this.#last;
    return turn;
  }

  /** As `run`, for one statement; it does not wait for the answers of those before it that came the same way. The database takes them in this order. */
  follow<T>(call: (driver: Driver) => Promise<T>): Promise<T> {
    const turn = this.#lead.then(() => this.#call(call));
    this.#last = Promise.all([this.#last, turn.catch(() => {})]);
    return turn;
  }

  /** As `run`, again and again until the database answers: for what may be done twice. Rejects when trying again cannot help. */
  persist<T>(call: (driver: Driver) => Promise<T>): Promise<T> {
    return this.#untilAnswered(() => this.run(call));
  }

  /** As `transaction`, in the same way. */
  persistTransaction<T>(call: (driver: Driver) => Promise<T>): Promise<T> {
    return this.#untilAnswered(() => this.transaction(call));
  }

  async #untilAnswered<T>(attempt: () => Promise<T>): Promise<T> {
    for (let wait = firstRetry; ; wait = Math.min(longestRetry, wait * 2)) {
      try {
        return await attempt();
      } catch (thrown) {
        const error = databaseError(this.facts.place, thrown);
        if (error.code !== 'ERR_DATABASE' || error.details.lasting === true) throw error;
        await new Promise<void>((resolve) => void this.#clock.after(wait, resolve, { unref: true }));
      }
    }
  }

  /** All or nothing of it. */
  transaction<T>(call: (driver: Driver) => Promise<T>): Promise<T> {
    return this.run(async (driver) => {
      await driver.query('begin');
      try {
        const result = await call(driver);
        await driver.query('commit');
        return result;
      } catch (error) {
        // Where the connection is gone, so is the transaction.
        await driver.query('rollback').catch(() => {});
        throw error;
      }
    });
  }

  /** What was asked before is answered first, but waits for no broken database. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#driver !== null) await this.briefly(this.#last);
    this.#drop();
  }

  /** Wait for it, but not for a database that does not answer. */
  async briefly(answer: Promise<unknown>): Promise<void> {
    let stop = (): void => {};
    const late = new Promise<void>((resolve) => {
      stop = this.#clock.after(farewell, resolve);
    });
    await Promise.race([answer.catch(() => {}), late]);
    stop();
  }

  async #call<T>(call: (driver: Driver) => Promise<T>): Promise<T> {
    let driver: Driver | null = null;
    try {
      driver = await this.#connected();
      return await call(driver);
    } catch (error) {
      const broken = breaksConnection(error) && !(error instanceof MillraceError && error.code !== 'ERR_DATABASE');
      if (broken && driver !== null && this.#driver === driver) this.#drop();
      throw databaseError(this.facts.place, error);
    }
  }

  async #connected(): Promise<Driver> {
    if (this.#driver !== null) return this.#driver;
    if (this.#closed) throw new MillraceError('ERR_ENDED', `the store in ${this.facts.place} is closed`);
    this.#dialing ??= this.#dialed().finally(() => {
      this.#dialing = null;
    });
    return this.#dialing;
  }

  async #dialed(): Promise<Driver> {
    let opened: Driver | null = null;
    let lost = false;
    opened = await this.#dial(this.facts, () => {
      lost = true;
      if (opened !== null && this.#driver === opened) this.#drop();
    });
    const driver = opened;
    const timed: Driver = { query: (sql, values) => this.#answered(driver.query(sql, values)), close: () => driver.close() };
    if (!lost) this.#driver = timed;
    opened = timed;
    return timed;
  }

  async #answered<T>(answer: Promise<T>): Promise<T> {
    let stop = (): void => {};
    const late = new Promise<never>((_, reject) => {
      const text = `it has not answered for ${answerTimeout / 1000} s`;
      stop = this.#clock.after(answerTimeout, () => reject(new MillraceError('ERR_DATABASE', `${this.facts.place}: ${text}`)), {
        unref: true,
      });
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      stop();
    }
  }

  #drop(): void {
    const driver = this.#driver;
    this.#driver = null;
    driver?.close();
  }
}
