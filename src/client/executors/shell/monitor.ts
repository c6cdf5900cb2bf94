/**
 * What commands use: the cores and the memory of each one's process tree, looked at each `interval` for all slots together. Nothing of it
 * exists while it is off.
 *
 * A run is *watched* from `begin` to `end`. To it belong: all descendants of its shell, all others of its process group that were started
 * since it began (what an earlier command left in the background is not its own), their descendants, and whoever was seen to belong to it once. A
 * command that ends before the first look has no peaks; one that is younger than half an interval then has a peak of memory only, since cores
 * over a shorter time are noise (the system counts in steps of 10 ms).
 */
import { appendFileSync } from 'node:fs';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { ResultExtra } from '../../../task/result.ts';
import type { Execution } from '../../executor.ts';
import type { ProcessTree } from './lane.ts';
import type { ProcessFacts, ProcessTable } from './monitor-proc.ts';
import type { Spool } from './spool.ts';

/** More than this beyond what a task asked for is told (cores, bytes). */
const coresTolerance = 0.05;
const memoryTolerance = 5 * 2 ** 20;

/** Clocks of the system count in steps of 10 ms: who began so shortly before the run may be its own (ms). */
const sameTime = 50;

/** Rows of a series that wait in memory. */
const rowsAtOnce = 64;

export interface MonitorOptions {
  readonly interval: number;
  readonly series: boolean;
  readonly table: ProcessTable;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What of a result the monitor knows. */
export type Usage = Pick<ResultExtra, 'peakCores' | 'peakMemory' | 'monitorPath'>;

interface Run {
  readonly execution: Execution;
  readonly at: number;
  readonly tree: () => ProcessTree | null;
  /** Who belonged to it at the last look from which cores were counted. */
  last: Map<number, ProcessFacts>;
  lastAt: number;
  /** Who ever belonged to it: number and start, by the monotonic clock. */
  readonly known: Map<number, number>;
  peakCores: number | null;
  peakMemory: number | null;
  path: string | null;
  rows: string[];
  warned: { cores: boolean; memory: boolean };
}

export class Monitor {
  readonly #options: MonitorOptions;
  readonly #runs: Map<number, Run> = new Map();
  #stop: (() => void) | null = null;
  #closed = false;
  #failed = false;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** A command begins on a slot; `at`: when, by the monotonic clock; `tree`: its processes, asked at each look. */
  begin(slot: number, execution: Execution, at: number, tree: () => ProcessTree | null): void {
    const run = { execution, at, tree, last: new Map(), lastAt: at, known: new Map(), peakCores: null, peakMemory: null };
    this.#runs.set(slot, { ...run, path: null, rows: [], warned: { cores: false, memory: false } });
    if (this.#stop === null) this.#later();
  }

  /** It has ended: what it used; null: nobody looked while it ran. */
  end(slot: number): Usage | null {
    const run = this.#runs.get(slot);
    if (run === undefined) return null;
    this.#runs.delete(slot);
    this.#write(run);
    if (run.peakMemory === null) return null;
    return {
      ...(run.peakCores === null ? {} : { peakCores: run.peakCores }),
      peakMemory: run.peakMemory,
      ...(run.path === null ? {} : { monitorPath: run.path }),
    };
  }

  close(): void {
    this.#closed = true;
    this.#stop?.();
    this.#runs.clear();
  }

  #later(): void {
    this.#stop = this.#options.clock.after(this.#options.interval, () => void this.#look(), { unref: true });
  }

  async #look(): Promise<void> {
    try {
      const facts = this.#options.table.read();
      // A table that answers at once is looked at at once: a run that has ended is not looked at after its end.
      const processes = facts instanceof Promise ? await facts : facts;
      if (this.#closed) return;
      this.#compare(processes);
    } catch (error) {
      if (!this.#failed) this.#options.logger.warn({ err: error }, 'processes cannot be looked at: results have no peaks for now');
      this.#failed = true;
    }
    if (this.#closed) return;
    this.#stop = null;
    if (this.#runs.size > 0) this.#later();
  }

  #compare(processes: readonly ProcessFacts[]): void {
    const now = this.#options.clock.now();
    const byParent = groupBy(processes, 'parent');
    const byGroup = groupBy(processes, 'group');
    const byPid = new Map(processes.map((process) => [process.pid, process]));
    for (const run of this.#runs.values()) {
      const tree = run.tree();
      if (tree !== null && now > run.at) this.#take(run, members(run, tree, now, { byParent, byGroup, byPid }), now);
    }
  }

  #take(run: Run, members: readonly ProcessFacts[], now: number): void {
    let memory = 0;
    for (const process of members) {
      memory += process.memory;
      run.known.set(process.pid, now - process.age);
    }
    // It has just begun or ended.
    if (members.length === 0) return;
    run.peakMemory = Math.max(run.peakMemory ?? 0, memory);
    const passed = now - run.lastAt;
    if (passed < this.#options.interval / 2) return;
    const cores = Math.round((cpuTime(run.last, members) / passed) * 1000) / 1000;
    run.last = new Map(members.map((process) => [process.pid, process]));
    run.lastAt = now;
    run.peakCores = Math.max(run.peakCores ?? 0, cores);
    this.#warn(run, cores, memory);
    if (!this.#options.series) return;
    run.rows.push(`${((now - run.at) / 1000).toFixed(3)},${cores},${memory}\n`);
    if (run.rows.length >= rowsAtOnce) this.#write(run);
  }

  #warn(run: Run, usedCores: number, usedMemory: number): void {
    const { id, asked } = run.execution;
    const { logger } = this.#options;
    if (asked?.cores !== undefined && usedCores > asked.cores + coresTolerance && !run.warned.cores) {
      run.warned.cores = true;
      logger.warn({ id, asked: asked.cores, used: usedCores }, 'a command uses more cores than its task asked for');
    }
    if (asked?.memory !== undefined && usedMemory > asked.memory + memoryTolerance && !run.warned.memory) {
      run.warned.memory = true;
      logger.warn({ id, asked: asked.memory, used: usedMemory }, 'a command uses more memory than its task asked for');
    }
  }

  #write(run: Run): void {
    if (run.rows.length === 0) return;
    const { spool, logger } = this.#options;
    const { id, attempt } = run.execution;
    const path = run.path ?? spool.resultPath(id, attempt, 'csv');
    const text = (run.path === null ? 'time,cores,memory\n' : '') + run.rows.join('');
    run.rows = [];
    try {
      appendFileSync(path, text, { mode: 0o600 });
      run.path = path;
    } catch (error) {
      logger.warn({ err: error, path }, 'the series of a command cannot be written');
    }
  }
}

interface Index {
  readonly byParent: ReadonlyMap<number, readonly ProcessFacts[]>;
  readonly byGroup: ReadonlyMap<number, readonly ProcessFacts[]>;
  readonly byPid: ReadonlyMap<number, ProcessFacts>;
}

function groupBy(processes: readonly ProcessFacts[], what: 'parent' | 'group'): Map<number, ProcessFacts[]> {
  const groups = new Map<number, ProcessFacts[]>();
  for (const process of processes) {
    const group = groups.get(process[what]);
    if (group === undefined) groups.set(process[what], [process]);
    else group.push(process);
  }
  return groups;
}

/** Who belongs to a run now. */
function members(run: Run, { group, leader }: ProcessTree, now: number, index: Index): ProcessFacts[] {
  const found = new Map<number, ProcessFacts>();
  const take = (process: ProcessFacts): void => {
    if (found.has(process.pid)) return;
    found.set(process.pid, process);
    for (const child of index.byParent.get(process.pid) ?? []) take(child);
  };
  const first = index.byPid.get(group);
  if (leader && first !== undefined) take(first);
  for (const child of index.byParent.get(group) ?? []) take(child);
  const age = now - run.at + sameTime;
  for (const process of index.byGroup.get(group) ?? []) if (process.pid !== group && process.age <= age) take(process);
  for (const [pid, startedAt] of run.known) {
    const process = index.byPid.get(pid);
    // A number may be somebody else's by now; `ps` tells ages in seconds.
    if (process !== undefined && Math.abs(now - process.age - startedAt) < 1_500) take(process);
    else run.known.delete(pid);
  }
  return [...found.values()];
}

/** CPU time since the last look (ms). Whoever ended since then was counted until then; the rest of it is in what its parent has waited for. */
function cpuTime(last: ReadonlyMap<number, ProcessFacts>, members: readonly ProcessFacts[]): number {
  let own = 0;
  let waited = 0;
  const here = new Set<number>();
  for (const process of members) {
    const before = last.get(process.pid);
    own += Math.max(0, process.own - (before?.own ?? 0));
    waited += process.waited - (before?.waited ?? 0);
    here.add(process.pid);
  }
  for (const [pid, gone] of last) if (!here.has(pid)) waited -= gone.own + gone.waited;
  return own + Math.max(0, waited);
}
