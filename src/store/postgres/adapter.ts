/**
 * The store on a PostgreSQL server: many machines may reach it, one server at a time writes. A commit is one call of a function of the database.
 *
 * States: *open* until `close`; *broken* when another server has taken the queue over, or something failed that trying again cannot mend. A commit that
 * fails leaves nothing behind and may be made again.
 */
import type { Clock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import { hostName } from '../../base/ids.ts';
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
import { Commits } from './commits.ts';
import { completedNumbers } from './completed.ts';
import type { Connection } from './connect.ts';
import { type Driver, listOf, type Row, textsOf } from './driver.ts';
import { countRows, findNumbers } from './find.ts';
import { PostgresNames } from './names.ts';
import type { Queries } from './queries.ts';
import { readyTasks } from './queue.ts';
import { readRecovery } from './recover.ts';
import { retain } from './retain.ts';
import { attemptEnd, clientRow, quoted, storedTask, taskRow } from './rows.ts';
import { PostgresSessions } from './sessions.ts';
import { Statistics } from './statistics.ts';

export class PostgresStore implements TaskStore {
  readonly durable = true;
  /** One is on its way while the next is put together. */
  readonly commitsAtOnce = 2;
  /** 17 ms, which is 118,000 a second without the pauses between; 200 at a time were 34,000, and 7,700 with them. */
  readonly retainAtOnce = 2_000;
  readonly names: PostgresNames;
  readonly sessions: PostgresSessions;
  readonly #connection: Connection;
  readonly #commits: Commits;
  readonly #granted = new GrantedNumbers();
  readonly #clients = new Map<number, ClientRow>();
  readonly #statistics: Statistics;
  readonly #salt: string;
  #recovered = false;
  /** Something failed that trying again cannot mend. */
  #broken = false;
  #released = false;
  #closed = false;

  static async open(connection: Connection, clock: Clock): Promise<PostgresStore> {
    const [state] = await connection.line.run((driver) => driver.query(connection.sql.state));
    return new PostgresStore(connection, clock, String(state?.salt), Number(state?.commits));
  }

  private constructor(connection: Connection, clock: Clock, salt: string, commits: number) {
    this.#connection = connection;
    this.names = new PostgresNames(connection, (call) => this.#guard(call));
    this.sessions = new PostgresSessions(connection, (call) => this.#guard(call));
    this.#statistics = new Statistics(connection.reader, connection.sql);
    this.#salt = salt;
    this.#commits = new Commits(connection, clock, commits, (writes) => this.#made(writes));
  }

  recover(): Promise<Recovery> {
    const { line, sql, held } = this.#connection;
    return this.#guard(async () => {
      const recovery = await line.transaction((driver) => readRecovery(driver, sql, this.#granted));
      for (const client of recovery.clients) this.#clients.set(client.n, client);
      this.#commits.recovered(recovery.nextTask);
      this.#recovered = true;
      return held === null || held.clean === null ? recovery : { ...recovery, endedCleanly: held.clean };
    });
  }

  commit(writes: Writes): Promise<void> {
    return this.#guard(() => this.#commits.commit(writes, this.#mayWrite().epoch));
  }

  ready(after: QueueKey | null, limit: number, lanes?: LaneChoice): Promise<StoredTask[]> {
    return this.#inOrder((driver, sql) => readyTasks(driver, sql, this.#granted, after, limit, lanes));
  }

  known(keys: readonly string[], ids: readonly string[]): Promise<{ keys: Map<string, number>; ids: Map<string, number> }> {
    return this.#inOrder(async (driver, sql) => {
      const look = async (query: string, column: string, texts: readonly string[]): Promise<Map<string, number>> => {
        if (texts.length === 0) return new Map();
        const rows = await driver.query(query, [textsOf(texts.map(quoted))]);
        return new Map(rows.map((row) => [JSON.parse(String(row[column])) as string, Number(row.n)]));
      };
      return { keys: await look(sql.knownKeys, 'key', keys), ids: await look(sql.knownIds, 'user_id', ids) };
    });
  }

  pending(numbers: readonly number[]): Promise<StoredTask[]> {
    return this.#inOrder(async (driver, sql) => (await driver.query(sql.pending, [listOf(numbers)])).map(storedTask));
  }

  find(filter: TaskFilter): Promise<TaskRow[]> {
    return this.#read(async (driver) => this.#rowsOf(driver, await this.#numbers(driver, filter)));
  }

  count(filter: TaskFilter): Promise<number> {
    return this.#read(async (driver) => {
      await this.#knowClients(driver, filter);
      return countRows(driver, this.#connection.sql, filter, this.#context);
    });
  }

  numbers(filter: TaskFilter): Promise<number[]> {
    return this.#read((driver) => this.#numbers(driver, filter));
  }

  outcomes(numbers: readonly number[]): Promise<{ n: number; outcome: number; group: number }[]> {
    return this.#inOrder(async (driver, sql) =>
      (await driver.query(sql.outcomes, [listOf(numbers)])).map((row) => ({
        n: Number(row.n),
        outcome: Number(row.outcome),
        group: Number(row.grp),
      })),
    );
  }

  retain(limits: { count: number | null; before: number | null }, most: number): Promise<number> {
    const { line, sql } = this.#connection;
    return this.#guard(() => {
      const { epoch } = this.#mayWrite();
      return line.transaction(async (driver) => {
        const [state] = await driver.query(sql.fence, [epoch]);
        if (state === undefined)
          throw new MillraceError('ERR_DATABASE_IN_USE', `${this.#connection.facts.place} was taken over by another server`);
        return retain(driver, sql, limits, most, { ended: Number(state.ended), stale: Number(state.stale) });
      });
    });
  }

  history(n: number): Promise<AttemptEnd[]> {
    return this.#read(async (driver) => {
      const ends = (await driver.query(this.#connection.sql.attempts, [n])).map((row) => attemptEnd(n, row));
      for (const { end } of await this.#rowsOf(driver, [n])) if (end !== null) ends.push(end);
      return ends;
    });
  }

  client(n: number): Promise<ClientRow | null> {
    return this.#read(async (driver) => {
      if (!this.#clients.has(n)) await this.#readClients(driver);
      return this.#clients.get(n) ?? null;
    });
  }

  completed(cursor: number, limit: number): Promise<{ rows: TaskRow[]; cursor: number }> {
    return this.#read(async (driver) => {
      const { numbers, cursor: next } = await completedNumbers(driver, this.#connection.sql, cursor, limit);
      return { rows: numbers.length === 0 ? [] : await this.#rowsOf(driver, numbers), cursor: next };
    });
  }

  cursor(): Promise<number> {
    return this.#read(async (driver) => Number((await driver.query(this.#connection.sql.lastCompletion))[0]?.ended));
  }

  salt(): Promise<string> {
    return this.#guard(async () => this.#salt);
  }

  /** The key stays out of it: others than this user may read the database. */
  announce({ address, fingerprint }: Announcement): Promise<void> {
    const { line, sql } = this.#connection;
    // Others must find it from where they are.
    const reached = 'host' in address && /^(?:0\.0\.0\.0|::)$/.test(address.host) ? { ...address, host: hostName() } : address;
    const word = JSON.stringify({ address: reached, key: null, fingerprint });
    return this.#guard(async () => void (await line.run((driver) => driver.query(sql.announce, [this.#mayWrite().epoch, word]))));
  }

  followers(): Promise<string[]> {
    const { line, sql } = this.#connection;
    return this.#guard(() => line.run(async (driver) => (await driver.query(sql.followers)).map(({ id }) => String(id))));
  }

  async release(): Promise<void> {
    const { line, held, sql } = this.#connection;
    if (held === null || this.#released || this.#broken) return;
    this.#released = true;
    held.stop();
    const clean = this.#recovered && this.#commits.clean;
    // If it cannot be told, the next one waits until it is sure.
    await line.briefly(line.run((driver) => driver.query(sql.release, [held.epoch, clean])));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { line, reader, held } = this.#connection;
    held?.stop();
    await this.release();
    await Promise.all([line.close(), reader.close()]);
  }

  #made(writes: Writes): void {
    for (const client of writes.clients) this.#clients.set(client.n, client);
    for (const grant of writes.grants) this.#granted.set(grant.id, grant.tasks);
    this.#statistics.inserted(writes.tasks.length);
  }

  readonly #context = { client: (n: number): ClientRow | null => this.#clients.get(n) ?? null, salt: (): string => this.#salt };

  async #numbers(driver: Driver, filter: TaskFilter): Promise<number[]> {
    await this.#knowClients(driver, filter);
    return findNumbers(driver, this.#connection.sql, filter, this.#context);
  }

  /** In the order given; those that are there. */
  async #rowsOf(driver: Driver, numbers: readonly number[]): Promise<TaskRow[]> {
    const rows: Row[] = [];
    for (let i = 0; i < numbers.length; i += 10_000)
      rows.push(...(await driver.query(this.#connection.sql.records, [listOf(numbers.slice(i, i + 10_000))])));
    const found = rows.map((row) => taskRow(row, this.#context.client));
    if (found.every(({ client, end }) => client !== null || end === null || end.client === null)) return found;
    await this.#readClients(driver);
    return found.map((row) => (row.end?.client == null ? row : { ...row, client: this.#clients.get(row.end.client) ?? null }));
  }

  /** Another process may write: what clients there are must be known before conditions on them. */
  async #knowClients(driver: Driver, { where }: TaskFilter): Promise<void> {
    if (where !== undefined && (this.#connection.held === null || !this.#recovered)) await this.#readClients(driver);
  }

  async #readClients(driver: Driver): Promise<void> {
    for (const row of await driver.query(this.#connection.sql.clients)) this.#clients.set(Number(row.n), clientRow(row));
  }

  #mayWrite(): { epoch: number } {
    const { held, facts } = this.#connection;
    if (held === null) throw new MillraceError('ERR_DATABASE', `${facts.place} was opened for reading only`);
    return held;
  }

  /** What the server decides by: after the commits before it and before those after it. */
  #inOrder<T>(call: (driver: Driver, sql: Queries) => Promise<T>): Promise<T> {
    const { line, sql } = this.#connection;
    return this.#guard(() => line.persist((driver) => call(driver, sql)));
  }

  #read<T>(call: (driver: Driver) => Promise<T>): Promise<T> {
    return this.#guard(() => this.#connection.reader.persist(call));
  }

  async #guard<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new MillraceError('ERR_ENDED', `the store in ${this.#connection.facts.place} is closed`);
    try {
      return await call();
    } catch (error) {
      if (error instanceof MillraceError) this.#broken ||= error.code === 'ERR_DATABASE_IN_USE';
      throw error;
    }
  }
}
