/** Processes that are killed in the middle of upkeep, and those that read beside them: nothing that was committed is missing, nothing is there twice. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openStore } from '../../src/store/open.ts';
import { loadDriver } from '../../src/store/sqlite/driver.ts';
import type { AttemptEnd, TaskStore } from '../../src/store/store.ts';
import { bundleStore } from './bundle.ts';
import { attemptEnd, completedNumbers, storedTasks, writes } from './samples.ts';

// Below the project, so that a child process finds the driver's package.
const scratch = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'millrace-killed');
/** More than one step of a rotation. */
const tasks = 5_000;
const kills = 3;
let shared: string;
let folder: string;
let path: string;
let children: ChildProcess[] = [];

beforeAll(async () => {
  mkdirSync(scratch, { recursive: true });
  shared = mkdtempSync(join(scratch, 'shared-'));
  await bundleStore(shared);
  await bundleStore(shared, 'maintain');
  // Upkeep says when it begins and when it is done.
  writeFileSync(
    join(shared, 'upkeep.mjs'),
    `import { writeSync } from 'node:fs';
    import * as upkeep from './maintain.mjs';
    const [, , name, ...paths] = process.argv;
    writeSync(1, 'begun\\n');
    await upkeep[name](...paths);
    writeSync(1, 'done\\n');`,
  );
  // Each commit is some 200 KB, so that a good part of the time goes into moving the log to the file.
  writeFileSync(
    join(shared, 'writer.mjs'),
    `import { writeSync } from 'node:fs';
    import { openStore } from './store.mjs';
    const store = await openStore(process.argv[2]);
    let n = store.recover().nextTask;
    const none = { tasks: [], clients: [], grants: [], moves: [], attempts: [], ends: [], reopened: [], changed: [], removed: [], submitters: [], departed: [], counts: null };
    const task = (n) => ({ group: 0, rank: 0, n, submittedAt: 1, task: [0, 'echo', null, null], lane: null, state: 1, attempts: 0, losses: 0, readyAt: null });
    for (; ; n += 2) {
      const end = { n, attempt: 1, outcome: 1, exitStatus: 0, client: null, slot: 0, startedAt: 1, durationMs: 1, completedAt: 2, waitedMs: 0, extra: { stdout: new Uint8Array(200_000).fill(n & 255) } };
      store.commit({ ...none, tasks: [task(n), task(n + 1)], ends: [end], removed: n > 200 ? [n - 200, n - 199] : [] });
      writeSync(1, n + '\\n');
    }`,
  );
  const store = await openStore(join(shared, 'full.db'));
  await store.recover();
  for (let n = 1; n <= tasks; n += 1_000) {
    const some = storedTasks(n, n + 999);
    await store.commit(
      writes({ tasks: some, ends: some.map(({ n }) => attemptEnd(n, { extra: { stdout: new Uint8Array(200).fill(n & 255) } })) }),
    );
  }
  await store.close();
});
beforeEach(() => {
  folder = mkdtempSync(join(scratch, 'run-'));
  path = join(folder, 'tasks.db');
});
afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  children = [];
  rmSync(folder, { recursive: true });
});
// Not the folder above: another run may be at work there.
afterAll(() => rmSync(shared, { recursive: true, force: true }));

function start(script: string, ...given: string[]): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const child = spawn(process.execPath, [join(shared, script), ...given], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child as ChildProcess & { stdout: NodeJS.ReadableStream };
}

/** Run it, and kill it this long (ms) after it has begun; resolves with how long it took, or null when it was killed. */
async function upkeep(killAfter: number | null, name: string, ...paths: string[]): Promise<number | null> {
  const child = start('upkeep.mjs', name, ...paths);
  let begun = 0;
  let took: number | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'done') took = systemClock.now() - begun;
    else {
      begun = systemClock.now();
      if (killAfter !== null) systemClock.after(killAfter, () => child.kill('SIGKILL'));
    }
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return took;
}

/** False: whoever made the file was killed before it gave it a shape. */
async function sound(file: string): Promise<boolean> {
  const driver = (await loadDriver()).open(file);
  try {
    expect(driver.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    return driver.prepare('pragma application_id').all()[0]?.application_id !== 0;
  } finally {
    driver.close();
  }
}

function outputOf(end: AttemptEnd | null): Uint8Array {
  return end?.extra?.stdout as Uint8Array;
}

async function numbersIn(file: string): Promise<number[]> {
  if (!existsSync(file)) return [];
  // A store that is opened on it would give it a shape, and a salt of its own.
  if (!(await sound(file))) return [];
  const store = await openStore(file);
  await store.recover();
  const rows = await store.find({});
  expect(rows.every(({ n, end }) => outputOf(end)[0] === (n & 255))).toBe(true);
  expect((await completedNumbers(store, 0, 5_000)).sort((a, b) => a - b)).toEqual(rows.map(({ n }) => n));
  await store.close();
  return rows.map(({ n }) => n);
}

const all = Array.from({ length: tasks }, (_, i) => i + 1);

test.each(['rotateDatabase', 'vacuumDatabase', 'backupDatabase'])(
  'kill -9 in the middle of %s loses nothing, and the same call made again completes it',
  async (name) => {
    const given = (): string[] => (name === 'vacuumDatabase' ? [path] : [path, `${path}.other`]);
    copyFileSync(join(shared, 'full.db'), path);
    const whole = (await upkeep(null, name, ...given()))!;
    let killed = 0;
    for (let i = 0; i < kills; i++) {
      for (const file of readdirSync(folder)) rmSync(join(folder, file));
      copyFileSync(join(shared, 'full.db'), path);
      if ((await upkeep((whole * (i + 0.5)) / kills, name, ...given())) === null) killed++;
      const [mine, other] = [await numbersIn(path), name === 'backupDatabase' ? [] : await numbersIn(`${path}.other`)];
      expect([...new Set([...mine, ...other])].sort((a, b) => a - b)).toEqual(all);
      if (name === 'backupDatabase') rmSync(`${path}.other`, { force: true });
      expect(await upkeep(null, name, ...given())).not.toBeNull();
      expect(await numbersIn(path)).toEqual(name === 'rotateDatabase' ? [] : all);
      if (name !== 'vacuumDatabase') expect(await numbersIn(`${path}.other`)).toEqual(all);
    }
    expect(killed).toBeGreaterThan(0);
  },
  60_000,
);

test('kill -9 of a server, most of whose time goes into moving its log to the file, loses no commit', async () => {
  let last = 0;
  for (let i = 0; i < kills + 1; i++) {
    const child = start('writer.mjs', path);
    const begun = last;
    for await (const line of createInterface({ input: child.stdout })) {
      last = Number(line);
      if (last === begun + 1 || begun === 0) systemClock.after(60 + i * 60, () => child.kill('SIGKILL'));
    }
    await sound(path);
    const store = await openStore(path);
    const recovery = await store.recover();
    // A commit may be in that was not told any more.
    expect(recovery.nextTask).toBeGreaterThanOrEqual(last + 2);
    expect(recovery.endedCleanly).toBe(false);
    const ends = await store.find({ outcome: 1 });
    expect(ends.map(({ n }) => n)).toEqual(Array.from({ length: ends.length }, (_, i) => recovery.nextTask - 2 * (ends.length - i)));
    expect(ends.every(({ n, end }) => outputOf(end)[199_999] === (n & 255))).toBe(true);
    await store.close();
    last = recovery.nextTask - 1;
  }
  expect(last).toBeGreaterThan(50);
}, 60_000);

test('who only reads sees whole commits beside a server that writes and is killed, and beside each kind of upkeep', async () => {
  const look = async (reader: TaskStore): Promise<void> => {
    // Each commit adds two tasks and removes two that are old.
    const numbers = await reader.numbers({});
    expect([numbers.length % 2, numbers.at(-1)! - numbers[0]!]).toEqual([0, numbers.length - 1]);
  };
  const child = start('writer.mjs', path);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const reader = await openStore(path, { access: 'read' });
  for (let n = 0; n < 300; n = Number((await lines.next()).value)) await look(reader);
  const backup = upkeep(null, 'backupDatabase', path, `${path}.copy`);
  for (let seen = 0; seen < 50; seen++) {
    await lines.next();
    await look(reader);
  }
  expect(await backup).not.toBeNull();
  child.kill('SIGKILL');
  await look(reader);
  for (const [name, ...others] of [['vacuumDatabase'], ['rotateDatabase', `${path}.other`]]) {
    let over = false;
    const done = upkeep(null, name!, path, ...others).finally(() => {
      over = true;
    });
    while (!over) {
      expect(await reader.count({ outcome: 0 })).toBeGreaterThan(90);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await done).not.toBeNull();
  }
  expect(await reader.count({ outcome: 1 })).toBe(0);
  await reader.close();
  const copy = await openStore(`${path}.copy`);
  await look(copy);
  expect((await copy.recover()).endedCleanly).toBeUndefined();
  await copy.close();
}, 60_000);
