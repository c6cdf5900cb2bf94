import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { SqliteStore } from '../../../src/store/sqlite/adapter.ts';
import { type Connection, connect } from '../../../src/store/sqlite/connect.ts';
import { loadDriver } from '../../../src/store/sqlite/driver.ts';
import { storedState, type Writes } from '../../../src/store/store.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { dump, type Faults, faultyDriver } from '../faulty-driver.ts';
import { attemptEnd, completedNumbers, storedTask, storedTasks, writes } from '../samples.ts';

let path: string;
let faults: Faults;
beforeEach(async () => {
  path = join(temporaryFolder(), 'tasks.db');
  faults = faultyDriver(await loadDriver());
});

function open(file = path): { connection: Connection; store: SqliteStore } {
  const connection = connect(faults.kind, file, { access: 'write', synchronous: 'FULL', salt: () => '012345678' });
  const store = new SqliteStore(connection, () => 1_000);
  onTestFinished(() => store.close());
  return { connection, store };
}

const pragma = ({ driver }: Connection, name: string): unknown => Object.values(driver.prepare(`pragma ${name}`).all()[0] ?? {})[0];

const bytes = new Uint8Array([0, 255]);
const counts = { submitted: 9, outcomes: [5, 4, 0, 0, 0, 0, 0], retried: 1, groups: { 0: 5 } };

/** Something of every list that a turn may write. */
const turn: Writes = writes({
  tasks: [
    storedTask(7),
    storedTask(8, { lane: 'l' }),
    storedTask(9, { task: [0, 'cat', bytes, { key: 'k', id: '018f0000-0000-7000-8000-00000000000a' }] }),
    storedTask(10, { state: storedState.waiting, readyAt: 99 }),
  ],
  clients: [{ n: 2, id: 'second', host: 'h' }],
  grants: [
    { id: 2, client: 2, attempt: 1, tasks: [1, 2] },
    { id: 1, client: 1, attempt: 1, tasks: [] },
  ],
  moves: [{ n: 3, group: 0, rank: 1, state: storedState.ready, attempts: 1, losses: 0, readyAt: null }],
  attempts: [attemptEnd(3, { outcome: 2, extra: { stdout: bytes } })],
  ends: [attemptEnd(4, { extra: { stdout: bytes } }), attemptEnd(5)],
  reopened: [{ n: 6, group: 0, rank: 0, state: storedState.ready, attempts: 1, losses: 0, readyAt: null, forget: false }],
  changed: [{ n: 1, attributes: { tags: { a: 1 } } }],
  removed: [2],
  submitters: [{ id: 'new', sequence: 3, receipts: [[3, {}]], seenAt: 1, open: true }],
  departed: ['old'],
  counts,
});

function prepare(store: SqliteStore): void {
  store.recover();
  store.commit(
    writes({
      tasks: storedTasks(1, 6),
      clients: [{ n: 1, id: 'first', host: 'h' }],
      grants: [{ id: 1, client: 1, attempt: 1, tasks: [1, 2] }],
      ends: [attemptEnd(6)],
      submitters: [{ id: 'old', sequence: 1, receipts: [], seenAt: 0, open: false }],
      counts,
    }),
  );
}

async function memoryOf(store: SqliteStore): Promise<unknown> {
  return [store.ready(null, 20), store.cursor(), await completedNumbers(store), store.client(2), store.numbers({})];
}

test('the file is written with a log of its own, synced at each commit, for real on every system', () => {
  const { connection } = open();
  expect(pragma(connection, 'journal_mode')).toBe('wal');
  expect(pragma(connection, 'synchronous')).toBe(2);
  expect(pragma(connection, 'fullfsync')).toBe(1);
  expect(pragma(connection, 'locking_mode')).toBe('normal');
});

test('a turn is one transaction: whichever of its statements fails, nothing of it is left, and the same turn goes in whole after that', async () => {
  const reference = open(`${path}.reference`);
  prepare(reference.store);
  reference.store.commit(turn);
  const { connection, store } = open();
  prepare(store);
  const before = dump(connection.driver);
  const remembered = await memoryOf(store);
  for (let at = 1; ; at++) {
    faults.executed.length = 0;
    faults.before = () => (faults.executed.length === at ? 13 : 0);
    let failed = true;
    try {
      store.commit(turn);
      failed = false;
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_DATABASE', details: { sqlite: 13, lasting: false } });
    }
    faults.before = () => 0;
    if (!failed) {
      expect(at).toBeGreaterThan(20);
      expect(faults.executed.filter((sql) => sql === 'begin immediate' || sql === 'commit')).toEqual(['begin immediate', 'commit']);
      break;
    }
    expect(dump(connection.driver), `after a failure at statement ${at}: ${faults.executed[at - 1]}`).toEqual(before);
    expect(await memoryOf(store)).toEqual(remembered);
  }
  expect(dump(connection.driver)).toEqual(dump(reference.connection.driver));
  expect(await memoryOf(store)).toEqual(await memoryOf(reference.store));
});

test('after a sync that failed every row is written again: the commit alone is never repeated', () => {
  const { store } = open();
  prepare(store);
  const fsyncFailed = 1034;
  faults.executed.length = 0;
  faults.before = (sql) => (sql === 'commit' ? fsyncFailed : 0);
  const tries: string[][] = [];
  for (let i = 0; i < 3; i++) {
    if (i === 2) faults.before = () => 0;
    const attempt = (): void => store.commit(turn);
    if (i < 2) expect(attempt).toThrow(expect.objectContaining({ details: { sqlite: fsyncFailed, lasting: false } }));
    else attempt();
    tries.push(faults.executed.splice(0).filter((sql) => sql !== 'rollback' && !sql.startsWith('pragma wal_checkpoint')));
  }
  expect(tries[0]!.length).toBeGreaterThan(15);
  expect(tries[1]).toEqual(tries[0]);
  expect(tries[2]).toEqual(tries[0]);
  expect(store.numbers({})).toEqual([1, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('what can pass by itself is told from what never does', () => {
  const { store } = open();
  prepare(store);
  const lastingOf = (code: number): unknown => {
    faults.before = (sql) => (sql === 'commit' ? code : 0);
    try {
      store.commit(writes({ tasks: [storedTask(50 + code)] }));
    } catch (error) {
      return (error as { details: { lasting: boolean } }).details.lasting;
    }
    return 'committed';
  };
  // FULL, IOERR_WRITE, IOERR_FSYNC, BUSY, CANTOPEN, NOMEM, READONLY
  for (const code of [13, 778, 1034, 5, 14, 7, 8]) expect([code, lastingOf(code)]).toEqual([code, false]);
  // CORRUPT, NOTADB, IOERR_READ, IOERR_SHORT_READ, CONSTRAINT_UNIQUE, ERROR
  for (const code of [11, 26, 266, 522, 2067, 1]) expect([code, lastingOf(code)]).toEqual([code, true]);
  faults.before = () => 0;
});

test('what a killed process left in its log is in the file itself, and synced there, before a server builds on it', () => {
  const { store } = open();
  prepare(store);
  const copy = `${path}.copy`;
  copyFileSync(path, copy);
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  expect(statSync(`${copy}-wal`).size).toBeGreaterThan(0);
  const opened = open(copy);
  expect(statSync(`${copy}-wal`).size).toBe(0);
  copyFileSync(copy, `${copy}.alone`);
  const alone = open(`${copy}.alone`);
  expect(alone.store.recover()).toMatchObject({ epoch: 2, endedCleanly: false, nextTask: 7 });
  expect(opened.store.recover()).toMatchObject({ epoch: 2, endedCleanly: false, nextTask: 7 });
});

test('a server that another one has followed on the same file writes no more', () => {
  const { connection, store } = open();
  prepare(store);
  connection.driver.exec(`update meta set value = value + 1 where name = 'epoch'`);
  for (let i = 0; i < 2; i++)
    expect(() => store.commit(turn)).toThrow(
      expect.objectContaining({ code: 'ERR_DATABASE_IN_USE', details: expect.objectContaining({ lasting: true }) }),
    );
  expect(store.numbers({})).toEqual([1, 2, 3, 4, 5, 6]);
});

test('after many small commits the log goes to the file when it is told to catch up', () => {
  const { store } = open();
  store.recover();
  let n = 0;
  while (!store.behind) store.commit(writes({ tasks: [storedTask(++n)] }));
  expect(n).toBeGreaterThan(9);
  const before = statSync(path).size;
  store.catchUp();
  expect([store.behind, statSync(path).size > before]).toEqual([false, true]);
});

test('what is alone in its commit is no list, which SQLite would take apart', () => {
  const { store } = open();
  store.recover();
  store.commit(writes({ tasks: storedTasks(1, 2) }));
  faults.executed.length = 0;
  store.commit(writes({ tasks: [storedTask(3, { lane: 'l' })] }));
  store.commit(writes({ ends: [attemptEnd(3)] }));
  expect(faults.executed.filter((sql) => sql.includes('json_each'))).toEqual([]);
  expect(store.find({ numbers: [3] })).toMatchObject([{ n: 3, state: storedState.done, end: { n: 3 } }]);
});
