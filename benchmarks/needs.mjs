/** What a contestant may need that a machine may lack, and the command that installs it: programs of the system, and packages for development. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const exists = (command) => spawnSync('/bin/sh', ['-c', `command -v ${command}`]).status === 0;

const program = (command, name = command) => ({ ready: () => exists(command), install: `apt-get install -y ${name}` });

const installed = (name) => ({
  ready() {
    try {
      import.meta.resolve(name);
      return true;
    } catch {
      return false;
    }
  },
  install: `npm install --no-save ${name}`,
});

/** The folder of `initdb` and `postgres`, which Debian keeps out of the path; null: there is none. */
export function postgresFolder() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env.PATH ?? '').split(':'), ...versions.map((version) => join(debian, version, 'bin'))];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ?? null;
}

const needs = {
  parallel: program('parallel'),
  xargs: program('xargs', 'findutils'),
  redis: program('redis-server'),
  postgres: { ready: () => postgresFolder() !== null, install: 'apt-get install -y postgresql' },
  bullmq: installed('bullmq'),
  'pg-boss': installed('pg-boss'),
  'graphile-worker': installed('graphile-worker'),
  workerpool: installed('workerpool'),
  execa: installed('execa'),
  capnweb: installed('capnweb'),
  ws: installed('ws'),
  '@grpc/grpc-js': installed('@grpc/grpc-js'),
  comlink: installed('comlink'),
  pyro4: {
    ready: () => spawnSync('/usr/bin/python3', ['-c', 'import Pyro4']).status === 0,
    install: 'apt-get install -y python3-pyro4',
  },
  dask: {
    ready: () => spawnSync('/usr/bin/python3', ['-c', 'import distributed']).status === 0,
    install: 'apt-get install -y python3-distributed',
  },
};

const known = new Map();

/** The command that installs what a contestant lacks; null: it lacks nothing. */
export function missing({ needs: names = [] }) {
  for (const name of names) {
    if (!known.has(name)) known.set(name, needs[name].ready());
    if (!known.get(name)) return needs[name].install;
  }
  return null;
}
