import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { databasePath, openStore } from '../../src/store/open.ts';
import { loadDriver } from '../../src/store/sqlite/driver.ts';
import { readAnnouncement } from '../../src/store/sqlite/lock.ts';
import { bundleStore } from './bundle.ts';
import { attemptEnd, completedNumbers, storedTasks, writes } from './samples.ts';

// Below the project, so that a child process finds the driver's package.
const scratch = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'millrace-tests');
let folder: string;
let path: string;
beforeEach(() => {
  mkdirSync(scratch, { recursive: true });
  folder = mkdtempSync(join(scratch, 'open-'));
  path = join(folder, 'tasks.db');
});
afterEach(() => rmSync(folder, { recursive: true }));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function codeOf(database: string | undefined): Promise<string> {
  try {
    (await openStore(database)).close();
    return 'opened';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

test('no file of a database can be read by another user, whatever the mode of new files is', async () => {
  const before = process.umask(0);
  try {
    const store = await openStore(path);
    const files = readdirSync(folder);
    expect(files).toEqual(expect.arrayContaining(['tasks.db', 'tasks.db-shm', 'tasks.db-wal', 'tasks.db.lock']));
    for (const name of files) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
    await store.close();
  } finally {
    process.umask(before);
  }
});

describe('the option database', () => {
  test('absent and memory: mean memory, a path and sqlite: a file', async () => {
    for (const name of [undefined, 'memory:', ':memory:', 'sqlite::memory:']) expect((await openStore(name)).durable).toBe(false);
    for (const name of [path, `sqlite:${path}`]) {
      const store = await openStore(name);
      expect(store.durable).toBe(true);
      store.close();
    }
    expect(databasePath('sqlite:a b.db')).toBe('a b.db');
  });

  test('what is no file of this version is refused by name', async () => {
    for (const name of ['postgres://host/db', 'postgresql://user@/db', 'mysql://host/db', 'http://host/x', '', 'sqlite:', 'a\0b'])
      expect([name, await codeOf(name)]).toEqual([name, 'ERR_OPTION']);
    await expect(openStore('postgres://host/db')).rejects.toThrow(/names no user/);
  });
});

describe('files that cannot be used', () => {
  test('a file of something else is refused and stays as it is', async () => {
    writeFileSync(path, 'these are not the bytes of a database\n'.repeat(300));
    const before = readFileSync(path);
    expect(await codeOf(path)).toBe('ERR_DATABASE_FOREIGN');
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(['tasks.db']);
  });

  test('a database of another program is refused and stays as it is', async () => {
    const driver = (await loadDriver()).open(path);
    driver.exec('create table account (id integer primary key)');
    driver.close();
    const before = readFileSync(path);
    expect(await codeOf(path)).toBe('ERR_DATABASE_FOREIGN');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('a file of a newer version is refused and stays as it is, unless the newer shape breaks nothing', async () => {
    (await openStore(path)).close();
    const kind = await loadDriver();
    const set = (sql: string): void => {
      const driver = kind.open(path);
      driver.exec(sql);
      driver.exec('pragma wal_checkpoint(truncate)');
      driver.close();
    };
    set(`update meta set value = 9999 where name = 'version'`);
    expect(await codeOf(path)).toBe('opened');
    set(`update meta set value = 9999 where name = 'needs'`);
    const before = readFileSync(path);
    expect(await codeOf(path)).toBe('ERR_DATABASE_VERSION');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('a folder, a missing folder and a path through a file are refused with the reason', async () => {
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'file'), '');
    for (const name of ['sub', 'none/tasks.db', 'file/tasks.db'])
      expect([name, await codeOf(join(folder, name))]).toEqual([name, 'ERR_DATABASE']);
  });

  test('a damaged file fails with ERR_DATABASE, not with a crash', async () => {
    const store = await openStore(path);
    await store.recover();
    await store.commit(writes({ tasks: storedTasks(1, 5_000) }));
    await store.close();
    const bytes = readFileSync(path);
    rmSync(`${path}-wal`, { force: true });
    bytes.fill(0xff, 8_192, Math.max(8_192, bytes.length - 4_096));
    writeFileSync(path, bytes);
    const use = async (): Promise<void> => {
      const damaged = await openStore(path);
      try {
        await damaged.recover();
        await damaged.find({});
      } finally {
        await damaged.close();
      }
    };
    await expect(use()).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_DATABASE/) });
  });

  test('reading asks for a database that is there', async () => {
    await expect(openStore(path, { access: 'read' })).rejects.toMatchObject({ code: 'ERR_DATABASE' });
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(path, '');
    await expect(openStore(path, { access: 'read' })).rejects.toMatchObject({ code: 'ERR_DATABASE_FOREIGN' });
  });
});

test('after close the file alone holds everything', async () => {
  const store = await openStore(path);
  await store.commit(writes({ tasks: storedTasks(1, 5) }));
  await store.close();
  writeFileSync(join(folder, 'copy.db'), readFileSync(path));
  const copy = await openStore(join(folder, 'copy.db'));
  expect(await copy.count({})).toBe(5);
  await copy.close();
});

describe('the lock', () => {
  test('a second server on the same file is refused at once, also through a link, and let in after the first', async () => {
    const first = await openStore(path);
    await first.recover();
    symlinkSync(path, join(folder, 'link.db'));
    for (const name of ['tasks.db', 'link.db']) expect(await codeOf(join(folder, name))).toBe('ERR_DATABASE_IN_USE');
    await first.commit(writes({ tasks: storedTasks(1, 2) }));
    await first.close();
    expect(await codeOf(path)).toBe('opened');
  });

  test('the holder says how it is reached, to its own user only, and takes it back when it closes', async () => {
    const store = await openStore(path);
    expect(readAnnouncement(path)).toBe(null);
    for (const port of [1, 2]) await store.announce?.({ address: { host: '127.0.0.1', port }, key: 'k', fingerprint: null });
    expect(JSON.parse(readAnnouncement(`sqlite:${path}`) ?? '')).toEqual({
      address: { host: '127.0.0.1', port: 2 },
      key: 'k',
      fingerprint: null,
    });
    expect(statSync(`${path}.server`).mode & 0o777).toBe(0o600);
    await store.close();
    expect(readAnnouncement(path)).toBe(null);
    expect(readAnnouncement(join(folder, 'none', 'x'))).toBe(null);
  });
});

describe('a server process that is killed', () => {
  let bundles: string;
  let children: ChildProcess[] = [];
  beforeAll(async () => {
    mkdirSync(scratch, { recursive: true });
    bundles = mkdtempSync(join(scratch, 'bundle-'));
    await bundleStore(bundles);
    writeFileSync(
      join(bundles, 'writer.mjs'),
      `import { openStore } from './store.mjs';
      const store = await openStore(process.argv[2]);
      store.recover();
      const none = { tasks: [], clients: [], grants: [], moves: [], attempts: [], ends: [], reopened: [], changed: [], removed: [], submitters: [], departed: [], counts: null };
      for (let n = 1; ; n += 2) {
        const task = (k) => ({ group: 0, rank: 0, n: k, submittedAt: 1, task: [0, 'echo ' + k, null, null], lane: null, state: 1, attempts: 0, losses: 0, readyAt: null });
        const end = { n, attempt: 1, outcome: 1, exitStatus: 0, client: null, slot: 0, startedAt: 1, durationMs: 1, completedAt: 2, waitedMs: 0, extra: { stdout: new Uint8Array([n & 255]) } };
        store.commit({ ...none, tasks: [task(n), task(n + 1)], grants: [{ id: n, client: 1, attempt: 1, tasks: [n + 1, n + 1] }] });
        store.commit({ ...none, ends: [end] });
        process.stdout.write(n + '\\n');
        if (n % 64 === 1) await new Promise((resolve) => setImmediate(resolve));
      }`,
    );
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children = [];
  });
  afterAll(() => rmSync(bundles, { recursive: true }));

  test('loses nothing that it had committed, and its lock ends with it', async () => {
    const child = spawn(process.execPath, [join(bundles, 'writer.mjs'), path], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let said = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const first = said === 0;
      said = Number(line);
      if (first) expect(await codeOf(path)).toBe('ERR_DATABASE_IN_USE');
      if (said > 150) {
        child.kill('SIGKILL');
        break;
      }
    }
    if (child.signalCode === null) await once(child, 'exit');
    const store = await openStore(path);
    const recovery = await store.recover();
    const numbers = await completedNumbers(store);
    expect(said).toBeGreaterThan(150);
    expect(numbers.length).toBeGreaterThanOrEqual((said + 1) / 2);
    expect(numbers.every((n, i) => n === i * 2 + 1)).toBe(true);
    const rows = await store.find({ outcome: 1 });
    expect(rows.every((row) => (row.end?.extra?.stdout as Uint8Array | undefined)?.[0] === (row.n & 255))).toBe(true);
    expect(recovery.epoch).toBe(2);
    expect(await store.count({})).toBe(recovery.nextTask - 1);
    expect(recovery.grants.length).toBe((recovery.nextTask - 1) / 2);
    await store.commit(writes({ ends: [attemptEnd(2)] }));
    await store.close();
  });

  test('a file that its user may not write is refused with ERR_DATABASE, and so is a lock that could not hold', async () => {
    (await openStore(path)).close();
    chmodSync(bundles, 0o755);
    writeFileSync(
      join(bundles, 'opener.mjs'),
      `if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
      import('./store.mjs').then(({ openStore }) => openStore(process.argv[2])).then(() => console.log('opened'), (error) => console.log(error.code));`,
    );
    const openAs = async (folderMode: number, fileMode: number, lockMode: number): Promise<string> => {
      chmodSync(path, fileMode);
      chmodSync(`${path}.lock`, lockMode);
      for (const name of readdirSync(folder)) if (/-(wal|shm)$/.test(name)) chmodSync(join(folder, name), 0o666);
      chmodSync(folder, folderMode);
      const child = spawn(process.execPath, [join(bundles, 'opener.mjs'), path], { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      let output = '';
      for await (const chunk of child.stdout) output += chunk;
      chmodSync(folder, 0o777);
      return output.trim();
    };
    expect(await openAs(0o555, 0o444, 0o444)).toBe('ERR_DATABASE');
    expect(await openAs(0o777, 0o444, 0o666)).toBe('ERR_DATABASE');
    expect(await openAs(0o777, 0o666, 0o444)).toBe('ERR_DATABASE');
    expect(await openAs(0o777, 0o666, 0o666)).toBe('opened');
  });
});
