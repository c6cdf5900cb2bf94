/** A PostgreSQL for the tests of a file, and an empty database for each that asks. */
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import type { TaskStore } from '../../../src/store/store.ts';
import type { NamesUnderTest } from '../../contract/names.ts';
import type { SessionsUnderTest } from '../../contract/sessions.ts';
import { startPostgres } from '../../support/postgres-server.mjs';

export type PostgresServer = Awaited<ReturnType<typeof startPostgres>>;

export interface TestPostgres {
  readonly server: PostgresServer;
  /** The address of a new database. */
  database(): Promise<string>;
  /** The address of a new schema, which is quicker to make. */
  schema(): string;
  /** Ask it directly. */
  query(url: string, sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

/** Starts it before the tests of the file, and ends it after them. */
export function usePostgres(options: Parameters<typeof startPostgres>[0] = {}): TestPostgres {
  let server: PostgresServer | null = null;
  let databases = 0;
  beforeAll(async () => {
    server = await startPostgres(options);
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);
  const running = (): PostgresServer => {
    if (server === null) throw new Error('PostgreSQL runs only while the tests of the file do');
    return server;
  };
  const query = async (url: string, sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client(url);
    await client.connect();
    try {
      return (await client.query(sql, [...values])).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  return {
    get server() {
      return running();
    },
    query,
    schema: () => `${running().url()}?schema=test_${++databases}`,
    async database() {
      const name = `test_${++databases}`;
      await query(running().url(), `create database ${name}`);
      return running().url(name);
    },
  };
}

interface StoreUnderTest {
  readonly store: TaskStore;
  reopen(): Promise<TaskStore>;
  destroy(): Promise<void>;
}

/** The store at an address, for the contract of stores. */
export async function storeAt(url: string): Promise<StoreUnderTest> {
  let store = await openStore(url);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openStore(url);
      return store;
    },
    destroy: async () => store.close(),
  };
}

export function namesOf({ names }: TaskStore): NonNullable<TaskStore['names']> {
  if (names === undefined) throw new Error('this store keeps no names');
  return names;
}

/** The names in it, for theirs. */
export async function namesAt(url: string): Promise<NamesUnderTest> {
  const { store, reopen, destroy } = await storeAt(url);
  return { names: namesOf(store), reopen: async () => namesOf(await reopen()), destroy };
}

export function sessionsOf({ sessions }: TaskStore): NonNullable<TaskStore['sessions']> {
  if (sessions === undefined) throw new Error('this store keeps no sessions');
  return sessions;
}

/** The sessions in it, for theirs. */
export async function sessionsAt(url: string): Promise<SessionsUnderTest> {
  const { store, reopen, destroy } = await storeAt(url);
  return { sessions: sessionsOf(store), reopen: async () => sessionsOf(await reopen()), destroy };
}
