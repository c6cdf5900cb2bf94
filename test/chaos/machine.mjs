/**
 * What this machine lets a run do: mounts, namespaces, groups of limited resources, tracing. A fault that needs more than there is says what is missing
 * and, where that helps, the command that installs it.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const linux = process.platform === 'linux';
const root = process.getuid?.() === 0;

export function run(program, ...words) {
  return execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Where programs are that only root needs: not everybody's PATH names these. */
const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];

function has(program) {
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What is missing: `impossible`, it cannot be had here, else what installs it. */
const missing = (why, install) => ({ why, install, impossible: install === undefined });

const needsRoot = () => (!linux ? missing('it needs Linux') : root ? null : missing('it needs root'));
const needsProgram = (program, name) => (has(program) ? null : missing(`it needs ${program}`, `apt-get install -y ${name}`));

export const needs = {
  linux: () => (linux ? null : missing('it needs Linux')),
  mounts: () => needsRoot() ?? mayMount(),
  tracing: () => needsRoot() ?? needsProgram('strace', 'strace') ?? mayTrace(),
  limits: () => (linux ? needsProgram('prlimit', 'util-linux') : missing('it needs Linux')),
  namespaces: () => needsRoot() ?? needsProgram('ip', 'iproute2') ?? needsProgram('tc', 'iproute2') ?? mayDivide(),
  loss: () => needs.namespaces() ?? mayLose(),
  group: (controller) => () => needsRoot() ?? mayLimit(controller),
};

/** Tried once: a container often has root's number without root's rights. */
function tried(attempt, why) {
  let known;
  return () => {
    if (known === undefined) {
      try {
        attempt();
        known = null;
      } catch (error) {
        known = missing(
          `${why}: ${String(error.stderr || error.message)
            .trim()
            .replace(/^Error: /, '')}`,
        );
      }
    }
    return known;
  };
}

const mayMount = tried(() => run('unshare', '--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'), 'nothing can be mounted here');

const mayTrace = tried(() => run('strace', '-o', '/dev/null', 'true'), 'no process can be traced here');

const mayDivide = tried(() => {
  const name = `mrtry${process.pid}`;
  run('ip', 'netns', 'add', name);
  run('ip', 'netns', 'del', name);
}, 'no network namespace can be made here');

const mayLose = tried(() => {
  const name = `mrtry${process.pid}`;
  run('ip', 'netns', 'add', name);
  try {
    run('ip', 'netns', 'exec', name, 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'loss', '5%');
  } finally {
    run('ip', 'netns', 'del', name);
  }
}, 'the kernel has no netem to lose packets with');

function mayLimit(controller) {
  return tried(() => new Group(controller, `try${process.pid}`).remove(), `no group with a limit of ${controller} can be made here`)();
}

/** The folder of a controller: of its own (version 1), or the common one (version 2). */
function hierarchy(controller) {
  const single = `/sys/fs/cgroup/${controller}`;
  if (existsSync(`${single}/cgroup.procs`)) return { folder: single, version: 1 };
  if (readFileSync('/sys/fs/cgroup/cgroup.subtree_control', 'utf8').split(/\s/).includes(controller))
    return { folder: '/sys/fs/cgroup', version: 2 };
  throw new Error(`the controller ${controller} is not there`);
}

const limitFiles = {
  memory: { 1: ['memory.limit_in_bytes'], 2: ['memory.max', 'memory.swap.max'] },
  pids: { 1: ['pids.max'], 2: ['pids.max'] },
};

/** A group of processes with a limit on what they may have together. */
export class Group {
  #folder;
  #files;

  constructor(controller, name) {
    const { folder, version } = hierarchy(controller);
    this.#folder = join(folder, `millrace-${name}`);
    this.#files = limitFiles[controller][version];
    mkdirSync(this.#folder);
  }

  /** Words that start a command in the group. */
  get wrapper() {
    return ['/bin/sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', this.#folder];
  }

  /** `'max'`: none. Swap would let them have more: where it can be, it is forbidden. */
  limit(amount) {
    const [file, swap] = this.#files;
    writeFileSync(join(this.#folder, file), String(amount === 'max' && file.includes('bytes') ? -1 : amount));
    if (swap !== undefined && existsSync(join(this.#folder, swap))) writeFileSync(join(this.#folder, swap), amount === 'max' ? 'max' : '0');
  }

  /** How much they have now. */
  get current() {
    return Number(readFileSync(join(this.#folder, 'pids.current'), 'utf8'));
  }

  remove() {
    rmdirSync(this.#folder);
  }
}
