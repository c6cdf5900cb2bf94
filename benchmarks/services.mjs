/**
 * Brokers and databases that rivals need, each started for one case on a free loopback port in a folder of its own, and gone after it.
 * Their processor time and memory are the rival's, as the store's are ours.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresFolder } from './needs.mjs';

const clockTick = 10;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a program, waits until it says that it is ready, and gives what ends it. */
async function start(command, words, { ready, folder, options = {} }) {
  const child = spawn(command, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  await new Promise((resolve, reject) => {
    let said = '';
    const listen = (chunk) => {
      said += chunk;
      if (ready.test(said)) resolve();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`${command} ended with status ${status}: ${said}`)));
  });
  return {
    pid: child.pid,
    async stop(signal) {
      const gone = once(child, 'exit');
      child.kill(signal);
      await gone;
      process.removeListener('exit', kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As it comes (a snapshot now and then: a crash loses up to a minute), or with each write on disk before its answer, as ours. */
async function redis(durable) {
  const folder = mkdtempSync(join(tmpdir(), 'redis-bench-'));
  const port = await freePort();
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  if (durable) words.push('--appendonly', 'yes', '--appendfsync', 'always');
  const { pid, stop } = await start('redis-server', words, { ready: /Ready to accept connections/, folder });
  return { address: { host: '127.0.0.1', port, pid }, stop: () => stop('SIGTERM') };
}

/** As it comes: `fsync` and `synchronous_commit` on. It refuses to run as root: as `nobody` then. */
async function postgres() {
  const bin = postgresFolder();
  const folder = mkdtempSync(join(tmpdir(), 'postgres-bench-'));
  const owner = {};
  if (process.getuid() === 0) {
    for (const [key, flag] of Object.entries({ uid: '-u', gid: '-g' })) owner[key] = Number(execFileSync('id', [flag, 'nobody']));
    chownSync(folder, owner.uid, owner.gid);
  }
  chmodSync(folder, 0o700);
  const options = { ...owner, env: { ...process.env, LC_ALL: 'C', HOME: folder } };
  const words = ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  const made = spawnSync(join(bin, 'initdb'), words, { ...options, cwd: '/', encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb: ${made.error ?? made.stderr}`);
  const port = await freePort();
  const { pid, stop } = await start(
    join(bin, 'postgres'),
    ['-D', folder, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    { ready: /ready to accept connections/, folder, options: { ...options, cwd: '/' } },
  );
  return { address: { url: `postgres://postgres@127.0.0.1:${port}/postgres`, pid }, stop: () => stop('SIGINT') };
}

/** That of the packages that tests use: nothing of the system is needed. */
async function postgresOfPackages() {
  const { startPostgres } = await import('../test/support/postgres-server.mjs');
  const server = await startPostgres({ durable: true });
  return { address: { url: server.url(), pid: server.pid() }, stop: server.stop };
}

export const services = {
  redis: () => redis(false),
  'durable redis': () => redis(true),
  postgres,
  'postgres of packages': postgresOfPackages,
};

/** Processor time (ms) of a process, its children, and those that it waited for; memory (MB), with what they share counted once. */
export function costOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const shared = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'));
  let processor = ticks * clockTick;
  let memory = Number(shared?.[1] ?? 0) / 1_024;
  for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')) {
    if (child === '') continue;
    try {
      const cost = costOf(Number(child));
      processor += cost.processor;
      memory += cost.memory;
    } catch {
      // It ended meanwhile: its time is among its parent's.
    }
  }
  return { processor, memory };
}
