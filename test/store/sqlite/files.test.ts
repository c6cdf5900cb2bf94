import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { newId } from '../../../src/base/ids.ts';
import { openStore } from '../../../src/store/open.ts';
import { loadDriver } from '../../../src/store/sqlite/driver.ts';
import type { TaskStore } from '../../../src/store/store.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { attemptEnd, completedNumbers, storedTask, storedTasks, writes } from '../samples.ts';

// A commit waits for the disk, which others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
let path: string;
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'tasks.db');
});

async function open(file = path): Promise<TaskStore> {
  const store = await openStore(file);
  onTestFinished(() => store.close());
  await store.recover();
  return store;
}

async function refusal(file = path): Promise<{ code: string; message: string }> {
  try {
    await (await openStore(file)).close();
  } catch (error) {
    return error as { code: string; message: string };
  }
  return { code: 'opened', message: '' };
}

/** A file and its log as a killed server leaves them: task k ended in commit k + 1, tasks are in the first. */
async function killed(commits: number, file = path): Promise<void> {
  const store = await open(`${file}.living`);
  await store.commit(writes({ tasks: storedTasks(1, commits) }));
  for (let n = 1; n <= commits; n++)
    await store.commit(writes({ ends: [attemptEnd(n, { extra: { stdout: new Uint8Array(3_000).fill(n) } })] }));
  copyFileSync(`${file}.living`, file);
  copyFileSync(`${file}.living-wal`, `${file}-wal`);
}

describe('one file, whatever it is called', () => {
  test('a second server is kept off by every path that leads to the file', async () => {
    const holder = await open();
    mkdirSync(join(folder, 'sub'));
    symlinkSync(path, join(folder, 'sub', 'link.db'));
    symlinkSync(join(folder, 'sub'), join(folder, 'way'));
    linkSync(path, join(folder, 'hard.db'));
    const names = [
      path,
      `sqlite:${path}`,
      relative(process.cwd(), path),
      join(folder, 'sub', '..', 'tasks.db'),
      join(folder, 'sub', 'link.db'),
      join(folder, 'way', 'link.db'),
      join(folder, 'hard.db'),
    ];
    for (const name of names) expect([name, (await refusal(name)).code]).toEqual([name, 'ERR_DATABASE_IN_USE']);
    await holder.commit(writes({ tasks: storedTasks(1, 3) }));
    await holder.close();
    // Its log is beside the name that it was opened by.
    expect(await refusal(join(folder, 'hard.db'))).toMatchObject({
      code: 'ERR_DATABASE_IN_USE',
      message: expect.stringMatching(/hard links/),
    });
    expect(await (await open()).count({})).toBe(3);
  });

  test('a lock file that a killed process left is no lock, and a second name that it left is removed', async () => {
    await killed(2);
    writeFileSync(`${path}.lock`, '', { mode: 0o600 });
    linkSync(path, `${path}.${newId()}`);
    const store = await open();
    expect(await completedNumbers(store)).toEqual([1, 2]);
    expect(statSync(path).nlink).toBe(1);
  });

  test('whoever removes the lock file lets a second server in, and the first one writes no more', async () => {
    const first = await open();
    await first.commit(writes({ tasks: storedTasks(1, 2) }));
    rmSync(`${path}.lock`);
    const second = await open();
    expect(() => first.commit(writes({ ends: [attemptEnd(1)] }))).toThrow(expect.objectContaining({ code: 'ERR_DATABASE_IN_USE' }));
    await second.commit(writes({ ends: [attemptEnd(2)] }));
    await first.close();
    expect(await completedNumbers(second)).toEqual([2]);
  });

  test('a file that is moved away or replaced while it is in use ends its server before more is acknowledged', async () => {
    let now = 0;
    const clock = { wall: () => now, now: () => now, random: () => 0.5, after: () => () => {} };
    const store = await openStore(path, { clock });
    onTestFinished(() => store.close());
    await store.recover();
    await store.commit(writes({ tasks: storedTasks(1, 2) }));
    renameSync(path, `${path}.moved`);
    now = 5_000;
    for (const replaced of [false, true]) {
      if (replaced) writeFileSync(path, '');
      expect(() => store.commit(writes({ tasks: [storedTask(3)] }))).toThrow(
        expect.objectContaining({
          code: 'ERR_DATABASE',
          message: expect.stringMatching(/removed or replaced/),
          details: { lasting: true },
        }),
      );
    }
  });
});

describe('a damaged file', () => {
  test('that is cut off anywhere is refused, and not changed by that', async () => {
    const store = await open();
    await store.commit(writes({ tasks: storedTasks(1, 3_000), ends: storedTasks(1, 1_500).map(({ n }) => attemptEnd(n)) }));
    await store.close();
    const whole = readFileSync(path);
    for (const size of [1, 99, 100, 511, 4_095, 4_096, 10_000, 40_960, whole.length - 4_096, whole.length - 1]) {
      const cut = join(folder, `cut-${size}.db`);
      writeFileSync(cut, whole.subarray(0, size));
      const { code, message } = await refusal(cut);
      expect([size, code]).toEqual([size, size < 512 ? 'ERR_DATABASE_FOREIGN' : 'ERR_DATABASE']);
      expect(message).toMatch(size < 512 ? /not a SQLite database/ : /damaged/);
      expect(readFileSync(cut).equals(whole.subarray(0, size))).toBe(true);
    }
  });

  test('that is empty or gone while its log is there is refused, so that the log survives', async () => {
    await killed(3);
    const log = readFileSync(`${path}-wal`);
    const main = readFileSync(path);
    truncateSync(path);
    for (const what of ['empty', 'missing']) {
      if (what === 'missing') rmSync(path);
      expect(await refusal()).toMatchObject({
        code: 'ERR_DATABASE',
        message: expect.stringContaining(`${path} is ${what}, but ${path}-wal holds`),
      });
      expect(readFileSync(`${path}-wal`).equals(log)).toBe(true);
    }
    writeFileSync(path, main);
    expect(await completedNumbers(await open())).toEqual([1, 2, 3]);
  });

  test('that is of no size is a new one', async () => {
    writeFileSync(path, '');
    expect(await (await open()).count({})).toBe(0);
  });

  test('whose page is damaged while it is in use fails what needs that page, with what to do', async () => {
    const store = await open();
    const big = new Uint8Array(2_000_000).fill(7);
    await store.commit(writes({ tasks: storedTasks(1, 2), ends: [attemptEnd(1, { extra: { stdout: big } })] }));
    await store.close();
    const bytes = readFileSync(path);
    const tables = (await loadDriver()).open(path);
    const root = Number(tables.prepare(`select rootpage from sqlite_schema where name = 'task'`).all()[0]?.rootpage);
    tables.close();
    bytes.fill(0xff, (root - 1) * 4_096, root * 4_096);
    writeFileSync(path, bytes);
    const damaged = await openStore(path);
    onTestFinished(() => damaged.close());
    for (const use of [() => damaged.find({}), () => damaged.commit(writes({ ends: [attemptEnd(2)] }))])
      expect(use).toThrow(
        expect.objectContaining({
          code: 'ERR_DATABASE',
          message: expect.stringMatching(/damaged.*restore a backup/),
          details: expect.objectContaining({ lasting: true }),
        }),
      );
  });
});

describe('the log', () => {
  test('that is cut short anywhere gives the commits before the cut, each whole, and work goes on from there', async () => {
    const commits = 12;
    await killed(commits);
    const main = readFileSync(path);
    const log = readFileSync(`${path}-wal`);
    let most = 0;
    for (let size = 0; size <= log.length; size += 11_000) {
      const file = join(folder, `log-${size}.db`);
      writeFileSync(file, main);
      writeFileSync(`${file}-wal`, log.subarray(0, size));
      const store = await openStore(file);
      await store.recover();
      const ended = await completedNumbers(store);
      expect(ended).toEqual(Array.from({ length: ended.length }, (_, i) => i + 1));
      expect(ended.length).toBeGreaterThanOrEqual(most);
      most = ended.length;
      const tasks = await store.count({});
      expect([0, commits]).toContain(tasks);
      if (tasks > 0) await store.commit(writes({ ends: [attemptEnd(commits)] }));
      await store.close();
    }
    expect(most).toBeGreaterThan(commits - 3);
  });

  test('that is gone, or garbage, takes with it what was in it alone: the file opens as it was before', async () => {
    await killed(3);
    const main = readFileSync(path);
    const log = readFileSync(`${path}-wal`);
    for (const text of [null, 'no log at all'.repeat(1_000), log.map((byte, i) => (i < 32 ? byte ^ 0xff : byte))]) {
      const file = join(folder, `garbage-${String(text).length}.db`);
      writeFileSync(file, main);
      if (text !== null) writeFileSync(`${file}-wal`, text);
      const store = await open(file);
      expect(await store.count({})).toBe(0);
      await store.commit(writes({ tasks: [storedTask(1)] }));
    }
  });
});

describe('a disk without room', () => {
  /** In a process whose files cannot grow beyond `blocks` × 512 bytes: what a full disk is without being root. */
  function openWithin(blocks: number): string {
    const script = `import('${join(folder, 'store.mjs')}').then(({ openStore }) => openStore(${JSON.stringify(path)}))
      .then((store) => { store.recover(); store.close(); console.log('opened'); }, (error) => console.log(error.code, error.message));`;
    const run = spawnSync('/bin/sh', ['-c', `ulimit -f ${blocks}; exec "$0" -e "$1"`, process.execPath, script], { encoding: 'utf8' });
    return run.stdout.trim();
  }

  test('is told when a database is opened on it, old or new, and what is there stays', async () => {
    const { bundleStore } = await import('../bundle.ts');
    await bundleStore(folder);
    // Below the project, so that the child process finds the driver's package.
    symlinkSync(join(import.meta.dirname, '..', '..', '..', 'node_modules'), join(folder, 'node_modules'));
    expect(openWithin(0)).toMatch(/^ERR_DATABASE .*could not be written/);
    rmSync(path, { force: true });
    expect(openWithin(10)).toMatch(/^ERR_DATABASE .*could not be written/);
    expect(openWithin(100_000)).toBe('opened');
    await killed(3, `${path}.old`);
    for (const end of ['', '-wal']) copyFileSync(`${path}.old${end}`, `${path}${end}`);
    expect(openWithin(4)).toMatch(/^ERR_DATABASE /);
    expect(await completedNumbers(await open())).toEqual([1, 2, 3]);
    expect(existsSync(path)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes('.new'))).toEqual([]);
  });
});
