import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SqliteStore } from '../../../src/store/sqlite/adapter.ts';
import { type Connection, connect } from '../../../src/store/sqlite/connect.ts';
import { loadDriver } from '../../../src/store/sqlite/driver.ts';
import { describeNames } from '../../contract/names.ts';
import { describeSessions } from '../../contract/sessions.ts';
import { describeStore } from '../../contract/store.ts';
import { attemptEnd, completedNumbers, storedTask, storedTasks, writes } from '../samples.ts';

async function open(path: string, access: 'read' | 'write' = 'write'): Promise<{ connection: Connection; store: SqliteStore }> {
  const connection = connect(await loadDriver(), path, { access, synchronous: 'NORMAL', salt: () => '012345678' });
  return { connection, store: new SqliteStore(connection) };
}

describeStore('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
  let { store } = await open(join(folder, 'tasks.db'));
  return {
    store,
    async reopen() {
      store.close();
      store = (await open(join(folder, 'tasks.db'))).store;
      return store;
    },
    async destroy() {
      store.close();
      rmSync(folder, { recursive: true });
    },
  };
});

describeNames('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
  let { store } = await open(join(folder, 'tasks.db'));
  store.recover();
  return {
    names: store.names,
    async reopen() {
      store.close();
      store = (await open(join(folder, 'tasks.db'))).store;
      store.recover();
      return store.names;
    },
    async destroy() {
      store.close();
      rmSync(folder, { recursive: true });
    },
  };
});

describeSessions('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
  let { store } = await open(join(folder, 'tasks.db'));
  store.recover();
  return {
    sessions: store.sessions,
    async reopen() {
      store.close();
      store = (await open(join(folder, 'tasks.db'))).store;
      store.recover();
      return store.sessions;
    },
    async destroy() {
      store.close();
      rmSync(folder, { recursive: true });
    },
  };
});

describe('the sqlite store', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('a full disk fails the commit whole, and the same writes go in when there is space again', async () => {
    const { connection, store } = await open(join(folder, 'tasks.db'));
    store.recover();
    store.commit(writes({ tasks: storedTasks(1, 10) }));
    const [pages] = connection.driver.prepare('pragma page_count').all();
    connection.driver.prepare(`pragma max_page_count = ${Number(pages?.page_count) + 20}`).all();
    const more = writes({
      tasks: storedTasks(11, 2_000),
      grants: [{ id: 1, client: 1, attempt: 1, tasks: [1, 5] }],
      ends: [attemptEnd(9, { extra: { stdout: new Uint8Array(300_000) } })],
    });
    for (let i = 0; i < 2; i++)
      expect(() => store.commit(more)).toThrow(expect.objectContaining({ code: 'ERR_DATABASE', cause: expect.any(Error) }));
    expect(store.count({})).toBe(10);
    expect(store.ready(null, 10)).toHaveLength(10);
    expect(store.cursor()).toBe(0);
    connection.driver.prepare('pragma max_page_count = 1000000').all();
    store.commit(more);
    expect(store.count({})).toBe(2_000);
    expect(store.ready(null, 5).map((task) => task.n)).toEqual([6, 7, 8, 10, 11]);
    expect(await completedNumbers(store)).toEqual([9]);
    store.close();
  });

  test('a reader beside the server sees each commit, and may not write', async () => {
    const path = join(folder, 'tasks.db');
    const { store } = await open(path);
    store.recover();
    const { store: reader } = await open(path, 'read');
    expect(reader.count({})).toBe(0);
    store.commit(writes({ tasks: storedTasks(1, 3), clients: [{ n: 1, id: 'c', host: 'h' }], ends: [attemptEnd(2, { client: 1 })] }));
    expect(reader.count({})).toBe(3);
    expect(reader.cursor()).toBe(1);
    store.commit(writes({ clients: [{ n: 2, id: 'd', host: 'h' }], ends: [attemptEnd(1, { client: 2 })] }));
    expect(reader.completed(0, 10).rows.map((row) => row.client?.id)).toEqual(['c', 'd']);
    expect(() => reader.commit(writes({ tasks: storedTasks(4, 4) }))).toThrow(expect.objectContaining({ code: 'ERR_DATABASE' }));
    expect(() => reader.recover()).toThrow(expect.objectContaining({ code: 'ERR_DATABASE' }));
    reader.close();
    store.commit(writes({ tasks: storedTasks(4, 4) }));
    store.close();
  });

  test('the queue, what waits, keys and ids are found by an index', async () => {
    const { connection, store } = await open(join(folder, 'tasks.db'));
    const plan = (query: string): string =>
      connection.driver
        .prepare(`explain query plan ${query}`)
        .all()
        .map((row) => row.detail)
        .join('; ');
    const queries = await import('../../../src/store/sqlite/queries.ts');
    expect(plan(queries.readyFromStart)).toMatch(/task_ready/);
    expect(plan(queries.readyFromStart)).not.toMatch(/TEMP B-TREE/);
    for (const query of [queries.readyPage, queries.readyOfTier]) {
      expect(plan(query)).toMatch(/SEARCH task USING INDEX task_ready \(grp=\? AND rank=\? AND n>\?\)/);
      expect(plan(query)).not.toMatch(/TEMP B-TREE/);
    }
    expect(plan(queries.readyBehind)).toMatch(/SEARCH task USING INDEX task_ready/);
    expect(plan(queries.readyBehind)).not.toMatch(/TEMP B-TREE/);
    expect(plan(queries.readyOfLane)).toMatch(/SEARCH task USING INDEX task_lane/);
    expect(plan(queries.readyExcept)).toMatch(/SEARCH task USING INDEX task_ready/);
    for (const query of [queries.readyOfLane, queries.readyExcept]) expect(plan(query)).not.toMatch(/TEMP B-TREE/);
    expect(plan(queries.countReady)).toMatch(/COVERING INDEX task_ready/);
    expect(plan(queries.waitingTasks)).toMatch(/task_waiting/);
    expect(plan(queries.knownKeys)).toMatch(/task_key/);
    expect(plan(queries.knownIds)).toMatch(/task_user_id/);
    for (const query of [
      queries.endTasks,
      queries.moveTasks,
      queries.recordsOf,
      queries.pendingTasks,
      queries.removeRows,
      queries.changeTasks,
    ])
      expect(plan(query)).toMatch(/SEARCH task USING INTEGER PRIMARY KEY/);
    expect(plan(queries.liveRecords)).toMatch(/SEARCH task USING INTEGER PRIMARY KEY.*SEARCH r USING INTEGER PRIMARY KEY/);
    expect(plan(queries.removeAttempts)).toMatch(/SEARCH attempt USING (COVERING )?INDEX attempt_of/);
    expect(plan(queries.removePayloads)).toMatch(/SEARCH payload/);
    store.close();
  });

  test('retain forgets what was recorded before a time by the clock of the store, whatever clients said', async () => {
    let now = 1_000;
    const connection = connect(await loadDriver(), join(folder, 'tasks.db'), {
      access: 'write',
      synchronous: 'NORMAL',
      salt: () => '012345678',
    });
    const store = new SqliteStore(connection, () => now);
    store.commit(writes({ tasks: storedTasks(1, 9), ends: [attemptEnd(3, { completedAt: 1e15 }), attemptEnd(1)] }));
    now = 2_000;
    store.commit(writes({ ends: [attemptEnd(2, { completedAt: 1 }), attemptEnd(4)] }));
    expect(store.retain({ count: null, before: 1_000 }, 10)).toBe(0);
    expect(store.retain({ count: null, before: 2_000 }, 10)).toBe(2);
    expect(await completedNumbers(store)).toEqual([2, 4]);
    expect(store.retain({ count: 2, before: 2_001 }, 1)).toBe(1);
    expect(store.retain({ count: 1, before: 2_000 }, 10)).toBe(0);
    expect(store.numbers({})).toEqual([4, 5, 6, 7, 8, 9]);
    store.close();
  });

  test('after close every call is refused', async () => {
    const { store } = await open(join(folder, 'tasks.db'));
    store.commit(writes({ tasks: [storedTask(1)] }));
    store.close();
    expect(() => store.commit(writes({ tasks: [storedTask(2)] }))).toThrow(expect.objectContaining({ code: 'ERR_ENDED' }));
    expect(() => store.find({})).toThrow(expect.objectContaining({ code: 'ERR_ENDED' }));
    store.close();
  });
});
