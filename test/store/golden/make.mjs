/**
 * Makes a golden file: the database of a server of some version, killed in the middle of its work, and beside it what that server said of its tasks.
 *
 * For each version of the schema once, and never again: `git archive COMMIT | tar -x -C FOLDER`, `npm ci` and `npx tsc -p .` there, then
 * `node test/store/golden/make.mjs FOLDER test/store/golden/NAME.db`. The server runs in a process of its own, since it has to die.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [built, target, inner] = process.argv.slice(2);

if (inner === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'golden-'));
  const child = spawn(process.execPath, [import.meta.filename, built, join(folder, 'tasks.db'), 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    child.kill('SIGKILL');
    writeFileSync(target.replace(/\.db$/, '.json'), `${JSON.stringify(JSON.parse(line), null, 1)}\n`);
  }
  copyFileSync(join(folder, 'tasks.db'), target);
  if (existsSync(join(folder, 'tasks.db-wal'))) {
    copyFileSync(join(folder, 'tasks.db-wal'), `${target}-wal`);
    await moveLog(target);
  }
  rmSync(folder, { recursive: true });
} else await serve(target);

/** What is in the log goes into the file: one file to keep, and the rows as they were. */
async function moveLog(path) {
  const { default: Database } = await import('libsql');
  const database = new Database(resolve(path));
  database.prepare('pragma wal_checkpoint(truncate)').all();
  database.close();
  for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true });
}

async function serve(database) {
  const { ClientThread, ServerThread, SubmitThread } = await import(pathToFileURL(resolve(built, 'dist', 'index.js')).href);
  const server = await ServerThread.new({ address: ['localhost', 0], database, foreverMode: true, maxRetries: 1 });
  const done = await server.submit([
    ...Array.from({ length: 40 }, (_, i) => ({
      args: `echo line ${i}`,
      key: `done-${i}`,
      tags: { n: i, even: i % 2 === 0 },
      priority: i % 3,
    })),
    { args: 'exit 3', key: 'fails' },
    { args: "printf '\\377\\000binary'; printf err >&2", key: 'binary' },
    { args: 'cat', stdin: new Uint8Array([0, 1, 254, 255]), key: 'input' },
    { id: '018f0000-0000-7000-8000-00000000000a', args: `printf '%s' 'quote " and ü'`, key: 'own-id' },
  ]);
  const first = await ClientThread.new({ address: server.address, numTasks: 2 });
  await until(async () => (await server.progress()).pending === 0);
  await first.stop();
  await server.submit(['sleep 1000 # one', 'sleep 1000 # two', { args: 'sleep 1000 # three', key: 'leased' }]);
  await ClientThread.new({ address: server.address, numTasks: 2 });
  await until(async () => (await server.progress()).running === 2);
  await server.submit([
    ...Array.from({ length: 30 }, (_, i) => ({ args: `echo queued ${i}`, key: `queued-${i}`, group: i % 2 })),
    { args: 'echo later', key: 'waits', startAfter: new Date('2100-01-01T00:00:00Z') },
    { args: 'cat # queued', stdin: new Uint8Array([255, 0]) },
  ]);
  const submitter = await SubmitThread.new(halfOf(), { address: server.address, bundlesize: 2 });
  await until(async () => submitter.count === 4);
  await until(async () => (await server.progress()).submitted === done.submitted + 3 + 32 + 4);
  const tasks = [];
  for await (const task of server.tasks.find({})) tasks.push({ ...task, stdout: text(task.stdout), stderr: text(task.stderr) });
  const { submitted, succeeded, failed, pending } = await server.progress();
  console.log(JSON.stringify({ counts: { submitted, succeeded, failed, pending }, submitter: submitter.id, tasks }));
}

function text(bytes) {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('base64');
}

/** A source that has more, which never comes. */
async function* halfOf() {
  for (let i = 0; i < 4; i++) yield { args: `echo submitted ${i}`, key: `submitted-${i}` };
  await new Promise(() => setInterval(() => {}, 1_000));
}

async function until(condition) {
  while (!(await condition())) await new Promise((after) => setTimeout(after, 5));
}
