/**
 * The durable store: one SQLite file, one writer. A commit is one transaction with a statement per list, whatever the lists' length.
 *
 * States: *open* until `close`, then every call fails. A commit that throws has been rolled back and what the adapter keeps in memory
 * (granted numbers, the count of ends, the next number) is as before it: the same writes may be committed again.
 */
import { MillraceError } from '../../base/errors.ts';
import type { Ranges } from '../../protocol/messages.ts';
import { GrantedNumbers } from '../granted.ts';
import { eachNumber } from '../ranges.ts';
import type {
  AttemptEnd,
  ClientRow,
  QueueKey,
  Recovery,
  StoreCounts,
  StoredTask,
  SubmitterRow,
  TaskFilter,
  TaskRow,
  TaskStore,
  Writes,
} from '../store.ts';
import type { Connection } from './connect.ts';
import { countQuery, findQuery } from './find.ts';
import { removeAnnouncement, writeAnnouncement } from './lock.ts';
import * as sql from './queries.ts';
import { clientRow, pastAttempt, quoted, storedTask, taskRow } from './rows.ts';
import { Statements } from './statements.ts';
import { write } from './write.ts';

export class SqliteStore implements TaskStore {
  readonly durable = true;
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #granted = new GrantedNumbers();
  readonly #clients = new Map<number, ClientRow>();
  /** Ends recorded so far: the cursor. Null: not read yet, or another process writes. */
  #ended: number | null = null;
  #nextTask = 1;
  #announced = false;
  #closed = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = new Statements(connection.driver);
  }

  recover(): Recovery {
    return this.#guard(() => {
      const statements = this.#statements;
      statements.exec('begin immediate');
      try {
        const recovery = this.#read();
        statements.run(sql.putMeta, recovery.epoch, 'epoch');
        const ended = recovery.grants.map((grant) => grant.id);
        const dead = this.#granted.ids().filter((id) => !ended.includes(id));
        if (dead.length > 0) statements.run(sql.deleteGrants, JSON.stringify(dead));
        statements.exec('commit');
        for (const id of dead) this.#granted.set(id, []);
        return recovery;
      } catch (error) {
        statements.rollback();
        throw error;
      }
    });
  }

  commit(writes: Writes): void {
    this.#guard(() => {
      if (this.#connection.lock === null) throw new MillraceError('ERR_DATABASE', `${this.#connection.path} was opened for reading only`);
      const before = this.#lastEnd();
      const next = writes.tasks.reduce((highest, task) => Math.max(highest, task.n + 1), this.#nextTask);
      const recorded = write(this.#statements, writes, before, next === this.#nextTask ? null : next);
      this.#ended = before + recorded;
      this.#nextTask = next;
      for (const client of writes.clients) this.#clients.set(client.n, client);
      for (const grant of writes.grants) this.#granted.set(grant.id, grant.tasks);
    });
  }

  ready(after: QueueKey | null, limit: number): StoredTask[] {
    return this.#guard(() => {
      const found: StoredTask[] = [];
      let place = after;
      while (found.length < limit) {
        // Granted tasks stay in the queue's index; a page more is read when some were passed over.
        const wanted = limit - found.length;
        const rows: StoredTask[] = (
          place === null
            ? this.#statements.all(sql.readyFromStart, wanted)
            : this.#statements.all(sql.readyAfter, place.group, place.rank, place.n, wanted)
        ).map((row) => storedTask(row, this.#statements.payload));
        for (const row of rows) if (!this.#granted.has(row.n)) found.push(row);
        const last = rows[rows.length - 1];
        if (last === undefined || rows.length < wanted) break;
        place = last;
      }
      return found;
    });
  }

  known(keys: readonly string[], ids: readonly string[]): { keys: Map<string, number>; ids: Map<string, number> } {
    return this.#guard(() => {
      const look = (query: string, column: string, texts: readonly string[]): Map<string, number> => {
        if (texts.length === 0) return new Map();
        const rows = this.#statements.all(query, JSON.stringify(texts.map(quoted)));
        return new Map(rows.map((row) => [JSON.parse(String(row[column])) as string, Number(row.n)]));
      };
      return { keys: look(sql.knownKeys, 'key', keys), ids: look(sql.knownIds, 'user_id', ids) };
    });
  }

  pending(numbers: readonly number[]): StoredTask[] {
    return this.#guard(() => this.#pending(numbers));
  }

  find(filter: TaskFilter): TaskRow[] {
    return this.#guard(() => {
      const { sql: text, values } = findQuery(filter);
      return this.#statements.all(text, ...values).map((row) => taskRow(row, this.#statements.payload, this.#client));
    });
  }

  count(filter: TaskFilter): number {
    return this.#guard(() => {
      const { sql: text, values } = countQuery(filter);
      return Number(this.#statements.all(text, ...values)[0]?.count);
    });
  }

  history(n: number): AttemptEnd[] {
    return this.#guard(() => {
      const ends = this.#statements.all(sql.attemptsOf, n).map((row) => pastAttempt(n, row, this.#statements.payload));
      for (const row of this.#statements.all(sql.recordsOf, JSON.stringify([n]))) {
        const { end } = taskRow(row, this.#statements.payload, this.#client);
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
      const numbers: number[] = [];
      let next = cursor;
      for (const row of this.#statements.all(sql.getCompletions, cursor, limit)) {
        let ordinal = Number(row.ordinal) - 1;
        eachNumber(JSON.parse(String(row.tasks)) as number[], (n) => {
          if (++ordinal <= cursor || numbers.length >= limit) return;
          numbers.push(n);
          next = ordinal;
        });
      }
      if (numbers.length === 0) return { rows: [], cursor };
      const rows = this.#statements.all(sql.recordsOf, JSON.stringify(numbers));
      return { rows: rows.map((row) => taskRow(row, this.#statements.payload, this.#client)), cursor: next };
    });
  }

  cursor(): number {
    return this.#guard(() => this.#lastEnd());
  }

  /** Tell other processes of this user what they need to reach the holder; gone with `close`. See `readAnnouncement`. */
  announce(text: string): void {
    this.#guard(() => writeAnnouncement(this.#connection.path, text));
    this.#announced = true;
  }

  salt(): string {
    return this.#guard(() => String(this.#statements.all(sql.getMeta).find((row) => row.name === 'salt')?.value));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#announced) removeAnnouncement(this.#connection.path);
    this.#connection.close();
    this.#statements.forget();
  }

  #read(): Recovery {
    const meta = new Map(this.#statements.all(sql.getMeta).map((row) => [row.name, row.value]));
    const clients = this.#statements.all(sql.allClients).map((row) => clientRow(Number(row.n), String(row.facts)));
    const grants: Recovery['grants'] = [];
    let granted = 0;
    this.#granted.clear();
    for (const row of this.#statements.all(sql.allGrants)) {
      const [client, attempt, ranges] = JSON.parse(String(row.facts)) as [number, number, Ranges];
      const numbers: number[] = [];
      eachNumber(ranges, (n) => numbers.push(n));
      const tasks = this.#pending(numbers);
      this.#granted.set(Number(row.id), ranges);
      granted += tasks.reduce((sum, task) => sum + task.state, 0);
      if (tasks.length > 0) grants.push({ id: Number(row.id), client, attempt, tasks });
    }
    for (const client of clients) this.#clients.set(client.n, client);
    const submitters = this.#statements.all(sql.allSubmitters).map(
      (row): SubmitterRow => ({
        id: JSON.parse(String(row.id)) as string,
        sequence: Number(row.sequence),
        receipts: JSON.parse(String(row.receipts)) as unknown[],
        seenAt: Number(row.seen_at),
        open: false,
      }),
    );
    this.#nextTask = Math.max(Number(meta.get('next_task')), Number(this.#statements.all(sql.highestTask)[0]?.n ?? 0) + 1);
    return {
      epoch: Number(meta.get('epoch')) + 1,
      salt: String(meta.get('salt')),
      nextTask: this.#nextTask,
      nextClient: clients.reduce((highest, client) => Math.max(highest, client.n), 0) + 1,
      counts: JSON.parse(String(meta.get('counts'))) as StoreCounts,
      ready: Number(this.#statements.all(sql.countReady)[0]?.count) - granted,
      waiting: this.#statements.all(sql.waitingTasks).map((row) => storedTask(row, this.#statements.payload)),
      grants,
      clients,
      submitters,
    };
  }

  #pending(numbers: readonly number[]): StoredTask[] {
    return this.#statements.all(sql.pendingTasks, JSON.stringify(numbers)).map((row) => storedTask(row, this.#statements.payload));
  }

  readonly #client = (n: number): ClientRow | null => {
    if (!this.#clients.has(n))
      for (const row of this.#statements.all(sql.allClients)) this.#clients.set(Number(row.n), clientRow(Number(row.n), String(row.facts)));
    return this.#clients.get(n) ?? null;
  };

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
    } catch (error) {
      throw this.#connection.toError(error);
    }
  }
}
