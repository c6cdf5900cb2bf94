/** The processes of a run: started, listened to, looked at, ended. Every one bears the mark of its run in its environment, and so do all that it starts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const markName = 'MILLRACE_CHAOS';

/** A process of the library; what it says comes as lines of JSON. */
export class Part {
  kind;
  child;
  /** What it said so far. */
  said = [];
  /** Its exit: status or signal. */
  exited;
  /** What ended it, when it was the harness; null: it ends by itself. */
  killedBy = null;
  mostMemory = 0;
  #listeners = new Set();

  /** `wrapper`: the words of a command that runs the part. `record`: the file for its stderr. */
  constructor(kind, options, { mark, record, wrapper = [], env = {}, cwd }) {
    this.kind = kind;
    const folder = kind === 'serve' || kind === 'work' ? '../support/parts' : './fixtures';
    const path = fileURLToPath(new URL(`${folder}/${kind}.mjs`, import.meta.url));
    const [program, ...words] = [...wrapper, process.execPath, path, JSON.stringify({ ...options, log: true })];
    const stdio = ['pipe', 'pipe', openSync(record, 'a')];
    this.child = spawn(program, words, { stdio, cwd, env: { ...process.env, ...env, [markName]: mark } });
    this.child.stdin.on('error', () => {});
    this.exited = once(this.child, 'close').then(([status, signal]) => {
      this.over = true;
      for (const listener of this.#listeners) listener(null);
      return signal ?? status;
    });
    let rest = '';
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const fact = JSON.parse(line);
        this.said.push(fact);
        for (const listener of this.#listeners) listener(fact);
      }
    });
  }

  over = false;

  get pid() {
    return this.child.pid;
  }

  /** What it said last under this name. */
  last(name) {
    return this.said.findLast((fact) => Object.hasOwn(fact, name))?.[name];
  }

  /** The first thing that it says under this name, which may have been said; rejects when it has ended without. */
  hears(name) {
    return new Promise((resolve, reject) => {
      const listener = (fact) => {
        if (fact !== null && !Object.hasOwn(fact, name)) return;
        this.#listeners.delete(listener);
        if (fact === null) reject(new Error(`the ${this.kind} part ended without a word of ${name}: ${JSON.stringify(this.said.at(-1))}`));
        else resolve(fact[name]);
      };
      const known = this.said.find((fact) => Object.hasOwn(fact, name));
      if (known !== undefined) resolve(known[name]);
      else if (this.over) listener(null);
      else this.#listeners.add(listener);
    });
  }

  tell(word) {
    this.child.stdin.write(`${word}\n`);
  }

  signal(signal) {
    this.child.kill(signal);
  }

  /** `kill -9`, and its end awaited. */
  async kill() {
    this.killedBy = 'the harness';
    this.child.kill('SIGKILL');
    await this.exited;
  }

  look() {
    if (this.over) return;
    this.mostMemory = Math.max(this.mostMemory, residentBytes(this.pid));
  }
}

/** 0 where the system does not tell. */
function residentBytes(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Living processes that bear the mark: numbers and command lines. */
export function marked(mark) {
  const found = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${markName}=${mark}\0`)) continue;
      // A zombie is dead: it only waits to be noticed.
      if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))) continue;
      found.push({ pid: Number(pid), command: readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').slice(0, 120) });
    } catch {
      // It has ended meanwhile, or is somebody else's.
    }
  }
  return found;
}
