/**
 * The durable store: one SQLite file, one writer. A commit is one transaction with a statement per list, whatever the lists' length.
 *
 * States: *open* until `close`, then every call fails. A commit that throws has been rolled back and what the adapter keeps in memory
 * (granted numbers, the count of ends, the next number) is as before it: the same writes may be committed again.
 */
import { systemClock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { Announcement } from '../announcement.ts';
import { GrantedNumbers } from '../granted.ts';
import type {
  AttemptEnd,
  ClientRow,
  LaneChoice,
  QueueKey,
  Recovery,
  StoredTask,
  TaskFilter,
  TaskRow,
  TaskStore,
  Writes,
} from '../store.ts';
import { completedNumbers } from './completed.ts';
import type { Connection } from './connect.ts';
import type { Row } from './driver.ts';
import { Search } from './find.ts';
import { removeAnnouncement, writeAnnouncement } from './lock.ts';
import { knownTexts, outcomesOf, saltOf } from './lookups.ts';
import { type NameAccess, SqliteNames } from './names.ts';
import * as sql from './queries.ts';
import { readyTasks } from './queue.ts';
import { pendingTasks, readRecovery } from './recover.ts';
import { retain } from './retain.ts';
import { clientRow, pastAttempt, taskRow } from './rows.ts';
import { SqliteSessions } from './sessions.ts';
import { Statements } from './statements.ts';
import { type WriteFacts, write } from './write.ts';

/** How often commits look whether the file is still in its place (ms). */
const placeCheck = 1_000;
/** Commits until the log had better go to the file: a small one is 5 pages, and SQLite does it by itself, inside of a commit, at 1,000. */
const commitsOfALog = 64;

export class SqliteStore implements TaskStore {
  readonly durable = true;
  readonly names: SqliteNames;
  readonly sessions: SqliteSessions;
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #now: () => number;
  readonly #search: Search;
  readonly #granted = new GrantedNumbers();
  readonly #clients = new Map<number, ClientRow>();
  /** Ends recorded so far: the cursor. Null: not read yet, or another process writes. */
  #ended: number | null = null;
  #nextTask = 1;
  /** Null: `recover` was not called. */
  #epoch: number | null = null;
  /** Epoch ms of the last look whether the file is in its place. */
  #lookedAt = 0;
  /** Something failed that trying again cannot mend: nothing is written any more. */
  #broken = false;
  /** The last commit failed. */
  #unwritten = false;
  #announced = false;
  /** Commits since `catchUp`. */
  #logged = 0;
  #closed = false;

  /** @param now Epoch ms: when ends are recorded, for `retain`. */
  constructor(connection: Connection, now: () => number = () => systemClock.wall()) {
    this.#connection = connection;
    this.#now = now;
    this.#statements = new Statements(connection.driver);
    const access: NameAccess = { read: (call) => this.#guard(call), write: (call) => this.#own(call) };
    this.names = new SqliteNames(this.#statements, access);
    this.sessions = new SqliteSessions(this.#statements, access);
    const context = { clients: () => this.#allClients(), salt: () => saltOf(this.#statements) };
    this.#search = new Search(this.#statements, context, (row, payload) => taskRow(row, payload, this.#client));
  }

  recover(): Recovery {
    return this.#guard(() => {
      const statements = this.#statements;
      const { recovery, dead } = statements.transaction(() => {
        const recovery = readRecovery(statements, this.#granted);
        for (const client of recovery.clients) this.#clients.set(client.n, client);
        this.#nextTask = recovery.nextTask;
        statements.run(sql.putMeta, recovery.epoch, 'epoch');
        statements.run(sql.setMeta, 'clean', 0);
        const living = recovery.grants.map((grant) => grant.id);
        const dead = this.#granted.ids().filter((id) => !living.includes(id));
        if (dead.length > 0) statements.run(sql.deleteGrants, JSON.stringify(dead));
        return { recovery, dead };
      });
      for (const id of dead) this.#granted.set(id, []);
      this.#epoch = recovery.epoch;
      return recovery;
    });
  }

  commit(writes: Writes): void {
    this.#guard(() => {
      this.#mayWrite();
      const before = this.#lastEnd();
      const next = writes.tasks.reduce((highest, task) => Math.max(highest, task.n + 1), this.#nextTask);
      const now = this.#now();
      this.#checkPlace(now);
      const nextTask = next === this.#nextTask ? null : next;
      const recorded = this.#write(writes, { ended: before, nextTask, now, check: this.#checkEpoch });
      this.#ended = before + recorded;
      this.#nextTask = next;
      for (const client of writes.clients) this.#clients.set(client.n, client);
      for (const grant of writes.grants) this.#granted.set(grant.id, grant.tasks);
      this.#logged++;
    });
  }

  get behind(): boolean {
    return this.#logged >= commitsOfALog;
  }

  catchUp(): void {
    this.#logged = 0;
    this.#guard(() => this.#connection.makeRoom());
  }

  ready(after: QueueKey | null, limit: number, lanes?: LaneChoice): StoredTask[] {
    return this.#guard(() => readyTasks(this.#statements, this.#granted, after, limit, lanes));
  }

  known(keys: readonly string[], ids: readonly string[]): { keys: Map<string, number>; ids: Map<string, number> } {
    return this.#guard(() => knownTexts(this.#statements, keys, ids));
  }

  pending(numbers: readonly number[]): StoredTask[] {
    return this.#guard(() => pendingTasks(this.#statements, numbers));
  }

  find(filter: TaskFilter): TaskRow[] {
    return this.#guard(() => this.#search.find(filter));
  }

  count(filter: TaskFilter): number {
    return this.#guard(() => this.#search.count(filter));
  }

  numbers(filter: TaskFilter): number[] {
    return this.#guard(() => this.#search.numbers(filter));
  }

  outcomes(numbers: readonly number[]): { n: number; outcome: number; group: number }[] {
    return this.#guard(() => outcomesOf(this.#statements, numbers));
  }

  retain(limits: { count: number | null; before: number | null }, most: number): number {
    return this.#guard(() => {
      this.#mayWrite();
      return retain(this.#statements, limits, most, this.#lastEnd());
    });
  }

  #own(call: () => void): void {
    this.#guard(() => {
      this.#mayWrite();
      this.#checkPlace(this.#now());
      this.#statements.transaction(() => {
        this.#checkEpoch();
        call();
      });
    });
  }

  history(n: number): AttemptEnd[] {
    return this.#guard(() => {
      const ends = this.#statements.all(sql.attemptsOf, n).map((row) => pastAttempt(n, row, this.#statements.payload));
      for (const row of this.#statements.all(sql.recordsOf, JSON.stringify([n]))) {
        const { end } = this.#toRow(row);
        if (end !== null) ends.push(end);
      }
      return ends;
    });
  }

  client(n: number): ClientRow | null {
    return this.#guard(() => this.#client(n));
  }

  completed(cursor: number, limit: number): { rows: TaskRow[]; cursor: number } {
    return this.#guard(() => {
      const { numbers, cursor: next } = completedNumbers(this.#statements, cursor, limit);
      if (numbers.length === 0) return { rows: [], cursor: next };
      return { rows: this.#statements.all(sql.recordsOf, JSON.stringify(numbers)).map(this.#toRow), cursor: next };
    });
  }

  cursor(): number {
    return this.#guard(() => this.#lastEnd());
  }

  /** Tell other processes of this user what they need to reach the holder; gone with `close`. See `readAnnouncement`. */
  announce(word: Announcement): void {
    this.#guard(() => writeAnnouncement(this.#connection.path, JSON.stringify(word)));
    this.#announced = true;
  }

  salt(): string {
    return this.#guard(() => saltOf(this.#statements));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#announced) removeAnnouncement(this.#connection.path);
    this.#endCleanly();
    this.#connection.close();
    this.#statements.forget();
  }

  readonly #client = (n: number): ClientRow | null => this.#clients.get(n) ?? this.#allClients().find((client) => client.n === n) ?? null;

  readonly #toRow = (row: Row): TaskRow => taskRow(row, this.#statements.payload, this.#client);

  #allClients(): ClientRow[] {
    const clients = this.#statements.all(sql.allClients).map((row) => clientRow(Number(row.n), String(row.facts)));
    for (const client of clients) this.#clients.set(client.n, client);
    return clients;
  }

  /** For the next one to recover: whoever is killed does not come here, and whose last commit failed has left something out. */
  #endCleanly(): void {
    if (this.#epoch === null || this.#broken || this.#unwritten || !this.#connection.inPlace()) return;
    try {
      this.#statements.transaction(() => {
        this.#checkEpoch();
        this.#statements.run(sql.setMeta, 'clean', 1);
      });
    } catch {
      // It did not end cleanly: that is what the next one will be told.
    }
  }

  /** Whoever removes the lock file lets a second server in, which takes the next epoch: then this one must not write any more. */
  readonly #checkEpoch = (): void => {
    if (this.#epoch === null || this.#statements.run(sql.confirmEpoch, this.#epoch) === 1) return;
    throw new MillraceError(
      'ERR_DATABASE_IN_USE',
      `${this.#connection.path} was opened by another server, although this one held its lock: was ${this.#connection.path}.lock removed? This one ends`,
      { details: { lasting: true, epoch: Number(this.#statements.all(sql.getEpoch)[0]?.value) } },
    );
  };

  /** What is written to a file that has no name any more is lost: nothing more is acknowledged then. A look costs some 3 µs. */
  #checkPlace(now: number): void {
    if (Math.abs(now - this.#lookedAt) < placeCheck) return;
    if (!this.#connection.inPlace())
      throw new MillraceError(
        'ERR_DATABASE',
        `${this.#connection.path} was removed or replaced while it was in use: what was recorded is in the file that is gone; put it back with its -wal and start again`,
        { details: { lasting: true } },
      );
    this.#lookedAt = now;
  }

  #write(writes: Writes, facts: WriteFacts): number {
    try {
      const recorded = write(this.#statements, writes, facts);
      this.#unwritten = false;
      return recorded;
    } catch (error) {
      this.#unwritten = true;
      this.#connection.makeRoom();
      throw error;
    }
  }

  #mayWrite(): void {
    if (this.#connection.lock === null) throw new MillraceError('ERR_DATABASE', `${this.#connection.path} was opened for reading only`);
  }

  /** The count of recorded ends; a reader asks the file each time, since another process writes it. */
  #lastEnd(): number {
    if (this.#ended !== null) return this.#ended;
    const last = Number(this.#statements.all(sql.lastCompletion)[0]?.last ?? 0);
    if (this.#connection.lock !== null) this.#ended = last;
    return last;
  }

  /** Any failure of SQLite as `ERR_DATABASE`. A statement of libsql would work on after its connection was closed, without the lock. */
  #guard<T>(call: () => T): T {
    if (this.#closed) throw new MillraceError('ERR_ENDED', `the store in ${this.#connection.path} is closed`);
    try {
      return call();
    } catch (thrown) {
      const error = this.#connection.toError(thrown);
      this.#broken ||= error.details.lasting === true;
      throw error;
    }
  }
}
