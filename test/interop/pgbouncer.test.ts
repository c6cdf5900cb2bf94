/** PgBouncer in transaction mode, with two sessions for all, between us and PostgreSQL: what holds of the database holds through it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { ClientThread, type ServerOptions, ServerThread } from '../../dist/index.js';
import { openStore } from '../../src/store/open.ts';
import { describeNames } from '../contract/names.ts';
import { describeSessions } from '../contract/sessions.ts';
import { describeStore } from '../contract/store.ts';
import { namesAt, sessionsAt, storeAt, usePostgres } from '../store/postgres/database.ts';
import { attemptEnd, storedTasks, writes } from '../store/samples.ts';
import { freePort } from '../support/free-port.mjs';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const program = '/usr/sbin/pgbouncer';
/** What is acknowledged must be there after it was killed. */
const postgres = usePostgres({ settings: { synchronous_commit: 'on' } });
let pooler: ChildProcess | null = null;
let port = 0;

beforeAll(async () => {
  if (!existsSync(program)) throw new Error('PgBouncer is missing; install it: apt-get install -y pgbouncer');
  port = await freePort();
  const { folder } = postgres.server;
  const file = join(folder, 'pgbouncer.ini');
  const settings = [
    '[databases]',
    // With this kind of authentication each database says who uses it.
    `* = host=127.0.0.1 port=${postgres.server.port} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 2',
    'server_login_retry = 0.1',
  ];
  writeFileSync(file, settings.join('\n'));
  chmodSync(file, 0o644);
  const nobody = (which: string): number => Number(execFileSync('id', [which, 'nobody'], { encoding: 'utf8' }));
  const identity = process.getuid?.() === 0 ? { uid: nobody('-u'), gid: nobody('-g') } : {};
  const started = spawn(program, [file], { ...identity, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  pooler = started;
  let said = '';
  started.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-5_000);
  });
  await until(() => {
    if (started.exitCode !== null) throw new Error(said);
    return said.includes('process up');
  }, `PgBouncer (${said})`);
});

afterAll(async () => {
  if (pooler === null || pooler.exitCode !== null) return;
  const ended = once(pooler, 'exit');
  pooler.kill('SIGKILL');
  await ended;
});

/** A schema of its own, through the pooler. */
function pooled(): string {
  return postgres.schema().replace(/:\d+\//, `:${port}/`);
}

async function startServer(options: ServerOptions): Promise<ServerThread> {
  const server = await ServerThread.new({ address: 'localhost:0', foreverMode: true, evictAfter: 3, reconnectGrace: 1, ...options });
  onTestFinished(() => server.stop({ timeout: 5 }));
  return server;
}

describeStore('postgres through PgBouncer', () => storeAt(pooled()));

describeNames('postgres through PgBouncer', () => namesAt(pooled()));

describeSessions('postgres through PgBouncer', () => sessionsAt(pooled()));

test('six queues with two connections each live from two sessions, so that each transaction may have another one', async () => {
  const stores = await Promise.all(Array.from({ length: 6 }, () => openStore(pooled())));
  onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))));
  for (const store of stores) await store.recover();
  for (let n = 1; n <= 20; n++)
    await Promise.all(
      stores.map(async (store) => {
        await store.commit(writes({ tasks: storedTasks(n, n), ends: n > 1 ? [attemptEnd(n - 1)] : [] }));
        expect(await store.count({})).toBe(n);
      }),
    );
  expect(await Promise.all(stores.map((store) => store.cursor()))).toEqual([19, 19, 19, 19, 19, 19]);
  const [row] = await postgres.query(
    postgres.server.url(),
    "select count(*)::int as sessions from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
  );
  expect(row?.sessions).toBeLessThanOrEqual(2);
});

test('two servers share a queue through it: the second one goes on when the first is stopped, and when the database was killed', async () => {
  const database = pooled();
  const [first, second] = [await startServer({ database }), await startServer({ database })];
  const client = await ClientThread.new({ address: [first.address, second.address] as { host: string; port: number }[], numTasks: 2 });
  onTestFinished(() => client.stop({ timeout: 5 }));
  expect(await second.run('echo one')).toMatchObject({ stdout: Buffer.from('one\n') });
  await first.stop();
  expect(await second.run('echo two')).toMatchObject({ stdout: Buffer.from('two\n') });
  await postgres.server.kill('SIGKILL');
  const receipt = second.submit(['true', 'false']);
  await postgres.server.start();
  expect(await receipt).toMatchObject({ submitted: 2 });
  await until(async () => (await second.tasks.count({ state: 'done' })) === 4, 'all four');
  expect(await second.tasks.count({ outcome: 'succeeded' })).toBe(3);
});
