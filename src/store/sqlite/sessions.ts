/** Persistent sessions of task graphs in the file. */
import type { SessionWrites, StoredSession, StoredSessions } from '../sessions.ts';
import type { NameAccess } from './names.ts';
import { allSessions, deleteEntries, deleteSession, putEntry, putSession, someEntries } from './queries-sessions.ts';
import type { Statements } from './statements.ts';

/** Entries that are read at a time: each may be of some MB. */
const atATime = 16;

export class SqliteSessions implements StoredSessions {
  readonly #statements: Statements;
  readonly #access: NameAccess;

  constructor(statements: Statements, access: NameAccess) {
    this.#statements = statements;
    this.#access = access;
  }

  all(): StoredSession[] {
    return this.#access.read(() => this.#statements.all(allSessions)).map(({ n, facts }) => ({ n: Number(n), facts: String(facts) }));
  }

  async *history(session: number): AsyncGenerator<(string | Uint8Array)[]> {
    for (let last = 0; ; ) {
      const rows = this.#access.read(() => this.#statements.all(someEntries, session, last, atATime));
      if (rows.length === 0) return;
      last = Number(rows.at(-1)!.number);
      yield rows.map(({ body }) => (typeof body === 'string' ? body : new Uint8Array(body as Uint8Array | ArrayBuffer)));
    }
  }

  write({ sessions, entries, closed }: SessionWrites): void {
    const statements = this.#statements;
    this.#access.write(() => {
      for (const { n, facts } of sessions) statements.run(putSession, n, facts);
      for (const { session, body } of entries) statements.run(putEntry, session, body);
      for (const n of closed) {
        statements.run(deleteEntries, n);
        statements.run(deleteSession, n);
      }
    });
  }
}
