/**
 * Persistent sessions of task graphs in the database. Who writes must hold the queue, as for a commit. A write has a number: when its answer was lost it is tried
 * again, and the database knows whether it has made the write of that number.
 */
import type { SessionEntry, SessionWrites, StoredSession, StoredSessions } from '../sessions.ts';
import type { Connection } from './connect.ts';
import { bytesOf, type Driver, listOf, textsOf } from './driver.ts';
import { fenced } from './fenced.ts';

/** Entries that are read at a time: each may be of some MB. */
const atATime = 16;
/** About so many bytes of entries go into a statement. */
const ofStatement = 4 * 2 ** 20;

export class PostgresSessions implements StoredSessions {
  readonly #connection: Connection;
  readonly #guard: <T>(call: () => Promise<T>) => Promise<T>;
  /** Of this holder of the queue. */
  #writes = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** `guard`: only while the store is open. */
  constructor(connection: Connection, guard: <T>(call: () => Promise<T>) => Promise<T>) {
    this.#connection = connection;
    this.#guard = guard;
  }

  all(): Promise<StoredSession[]> {
    const { reader, sql } = this.#connection;
    return this.#guard(async () => {
      const rows = await reader.persist((driver) => driver.query(sql.sessions));
      return rows.map(({ n, facts }) => ({ n: Number(n), facts: String(facts) }));
    });
  }

  async *history(session: number): AsyncGenerator<(string | Uint8Array)[]> {
    const { reader, sql } = this.#connection;
    for (let last = 0; ; ) {
      const rows = await this.#guard(() => reader.persist((driver) => driver.query(sql.someEntries, [session, last, atATime])));
      if (rows.length === 0) return;
      last = Number(rows.at(-1)!.number);
      yield rows.map(({ body, bytes }) => (typeof body === 'string' ? body : new Uint8Array(bytes as Uint8Array)));
    }
  }

  write({ sessions, entries, closed }: SessionWrites): Promise<void> {
    const { sql } = this.#connection;
    const number = ++this.#writes;
    const rows = [...new Map(sessions.map((session) => [session.n, session])).values()];
    const call = async (driver: Driver, epoch: number): Promise<void> => {
      if ((await driver.query(sql.countSessionWrite, [epoch, number])).length === 0) return;
      if (rows.length > 0) await driver.query(sql.putSessions, [listOf(rows.map(({ n }) => n)), textsOf(rows.map(({ facts }) => facts))]);
      for (const part of parts(entries)) await putEntries(driver, sql.putEntries, part);
      if (closed.length === 0) return;
      await driver.query(sql.removeEntries, [listOf(closed)]);
      await driver.query(sql.removeSessions, [listOf(closed)]);
    };
    return this.#guard(async () => {
      // In order: the database passes over numbers that are lower than the last.
      const turn = this.#last.then(() => fenced(this.#connection, call));
      this.#last = turn.catch(() => {});
      await turn;
    });
  }
}

async function putEntries(driver: Driver, statement: string, entries: readonly SessionEntry[]): Promise<void> {
  await driver.query(statement, [
    listOf(entries.map(({ session }) => session)),
    textsOf(entries.map(({ body }) => (typeof body === 'string' ? body : null))),
    bytesOf(entries.map(({ body }) => (typeof body === 'string' ? null : body))),
  ]);
}

function* parts(entries: readonly SessionEntry[]): Iterable<readonly SessionEntry[]> {
  for (let at = 0; at < entries.length; ) {
    const from = at;
    for (let size = 0; at < entries.length && size < ofStatement; at++) size += entries[at]!.body.length;
    yield entries.slice(from, at);
  }
}
