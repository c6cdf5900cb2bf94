/**
 * Commits on their way. Several may be under way at a time: they go to the database one behind the other, without waiting for answers, and it makes them in
 * the order of their numbers or not at all. A commit whose answer was lost may have been made all the same: it keeps its number when it is made again, and the
 * database knows whether it has made the commit of that number.
 */
import type { Clock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { Writes } from '../store.ts';
import type { Connection } from './connect.ts';
import { lightened, putParts } from './heavy.ts';
import { commitValues } from './write.ts';

interface Sent {
  readonly writes: Writes;
  readonly number: number;
  /** The number of the next task after it. */
  readonly nextTask: number;
  readonly moved: boolean;
  /** Its answer is waited for; else it was lost. */
  underWay: boolean;
}

export class Commits {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #made: (writes: Writes) => void;
  /** Commits that were made. */
  #count: number;
  #nextTask = 1;
  /** In order: what is under way, and what got no answer. */
  #sent: Sent[] = [];
  #settling: Promise<void> | null = null;
  #unwritten = false;

  /** @param count Commits that the database has made. @param made A commit was made, whether its answer came or not. */
  constructor(connection: Connection, clock: Clock, count: number, made: (writes: Writes) => void) {
    this.#connection = connection;
    this.#clock = clock;
    this.#count = count;
    this.#made = made;
  }

  /** Everything that was to be written is. */
  get clean(): boolean {
    return !this.#unwritten;
  }

  recovered(nextTask: number): void {
    this.#nextTask = nextTask;
  }

  async commit(writes: Writes, epoch: number): Promise<void> {
    const { line, sql } = this.#connection;
    let sent = this.#sent.find((one) => one.writes === writes);
    if (sent === undefined) {
      // Others come than those whose answers were lost.
      while (this.#sent.some(({ underWay }) => !underWay)) await this.#settled();
      const before = this.#sent[this.#sent.length - 1] ?? { number: this.#count, nextTask: this.#nextTask };
      const nextTask = writes.tasks.reduce((highest, task) => Math.max(highest, task.n + 1), before.nextTask);
      sent = { writes, number: before.number + 1, nextTask, moved: nextTask !== before.nextTask, underWay: true };
      this.#sent.push(sent);
    }
    sent.underWay = true;
    this.#unwritten = true;
    const { number, moved } = sent;
    const facts = { epoch, commit: number, nextTask: moved ? sent.nextTask : null, now: this.#clock.wall() };
    try {
      const heavy = lightened(writes);
      const values = commitValues(heavy?.light ?? writes, facts);
      if (heavy === null) await line.follow((driver) => driver.query(sql.commit, values));
      else
        await line.transaction(async (driver) => {
          await driver.query(sql.commit, values);
          await putParts(driver, sql, heavy.parts);
        });
    } catch (error) {
      sent.underWay = false;
      // Not made, so none of those behind it can be.
      const place = isRefusal(error) ? this.#sent.indexOf(sent) : -1;
      if (place >= 0) this.#sent.length = place;
      throw error;
    }
    this.#over(sent);
  }

  #over(sent: Sent): void {
    this.#count = sent.number;
    this.#nextTask = sent.nextTask;
    this.#sent = this.#sent.filter(({ number }) => number > sent.number);
    this.#unwritten = this.#sent.length > 0;
    this.#made(sent.writes);
  }

  #settled(): Promise<void> {
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = null;
    });
    return this.#settling;
  }

  /** See what became of those that got no answer. */
  async #settle(): Promise<void> {
    const { line, sql } = this.#connection;
    // Behind all that is under way.
    const [state] = await line.run((driver) => driver.query(sql.state));
    for (const sent of [...this.#sent]) if (sent.number <= Number(state?.commits)) this.#over(sent);
    this.#sent = [];
  }
}

/** The database itself has answered that it was not made; one that ends may say so of what it has made. */
function isRefusal(error: unknown): boolean {
  const state = error instanceof MillraceError ? error.details.sqlstate : undefined;
  return typeof state === 'string' && !state.startsWith('57P');
}
