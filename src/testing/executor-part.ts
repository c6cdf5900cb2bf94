/** The executor of a simulated client: runs last as long as their behaviour says, commands may ignore INT and TERM, slots are replaced after a kill ladder. */
import { MillraceError } from '../base/errors.ts';
import type { HeldTask } from '../client/core/held.ts';
import type { ExecutionEnd, TaskSignal } from '../client/executor.ts';
import type { Run } from './ledger.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import { mostMemory } from './workload.ts';
import type { World } from './world.ts';

interface Current {
  readonly key: number;
  readonly run: Run;
  readonly stubborn: number;
  readonly startedAt: number;
  cores: number;
  memory: number;
  /** Its client's time is over: whatever it comes to, it is run again. */
  abandoned: boolean;
  stop: () => void;
}

interface Slot {
  current: Current | null;
  queue: (readonly [key: number, task: HeldTask])[];
  signalled: boolean;
  busy: boolean;
}

export interface ExecutorReports {
  ended(slot: number, ends: readonly ExecutionEnd[], idle: boolean): void;
  /** A deadly task has begun. */
  died(): void;
}

export class ExecutorPart {
  readonly #world: World;
  readonly #process: Process;
  readonly #random: Random;
  readonly #client: string;
  readonly #slots: Slot[];
  readonly #cores: number;
  readonly #memory: number;
  readonly #speed: number;
  readonly #reports: ExecutorReports;

  constructor(
    world: World,
    process: Process,
    client: string,
    limits: { slots: number; cores: number; speed: number },
    reports: ExecutorReports,
  ) {
    this.#world = world;
    this.#process = process;
    this.#random = world.chance(`executor of ${client}`);
    this.#client = client;
    this.#slots = Array.from({ length: limits.slots }, () => ({ current: null, queue: [], signalled: false, busy: false }));
    this.#cores = limits.cores;
    this.#memory = mostMemory;
    this.#speed = limits.speed;
    this.#reports = reports;
  }

  get idle(): boolean {
    return !this.#slots.some(({ busy }) => busy);
  }

  start(number: number, tasks: readonly (readonly [key: number, task: HeldTask])[]): void {
    const slot = this.#slots[number]!;
    if (slot.busy) throw new Error(`slot ${number} of ${this.#client} is busy but was given ${tasks.length} tasks`);
    slot.busy = true;
    slot.queue = [...tasks];
    if (tasks.length === 1 && !this.#sure && this.#random.chance(0.02)) {
      this.#world.count('attempt did not start');
      const [key] = tasks[0]!;
      slot.queue = [];
      this.#process.after(20, () => this.#report(number, [{ ...this.#end(key, 0, 'failed'), notStarted: notNow }], true));
      return;
    }
    this.#next(number);
  }

  /** To one call of a batch, or (`key` null) to whatever runs. */
  signal(number: number, signal: TaskSignal, key: number | null): void {
    const slot = this.#slots[number]!;
    if (slot.current === null || (key !== null && slot.current.key !== key)) return;
    slot.signalled = true;
    slot.current.run.signalled = true;
    const level = signal === 'SIGINT' ? 0 : signal === 'SIGTERM' ? 1 : 2;
    if (slot.current.stubborn > level) {
      this.#world.count('command ignored a signal');
      return;
    }
    slot.current.stop();
    const { current } = slot;
    current.stop = this.#process.after(this.#random.next() * 10, () => this.#finish(number, current, 'stopped'));
  }

  /** What waits behind a call comes back. */
  relieve(number: number): void {
    this.#process.after(0, () => {
      const ends = this.#slots[number]!.queue.splice(0).map(([key]) => ({ ...this.#end(key, 0, 'failed'), notStarted: notNow }));
      if (ends.length > 0) this.#world.count('calls let go behind a slow one');
      this.#report(number, ends, false);
    });
  }

  /** The client's time is over: what runs now is of no use any more. */
  abandon(): void {
    for (const { current } of this.#slots) if (current !== null) current.abandoned = true;
  }

  get #sure(): boolean {
    return this.#world.simple.has('sure starts');
  }

  #next(number: number): void {
    const slot = this.#slots[number]!;
    const [key, task] = slot.queue.shift()!;
    const { ledger, behaviours, clock } = this.#world;
    const behaviour = behaviours.get(task.args)!;
    const { cores = 0, memory = 0 } = task.attributes ?? {};
    const run: Run = { client: this.#client, grant: task.grant, n: task.n, attempt: task.attempt, outcome: 'running' };
    ledger.began(run);
    this.#world.tell(
      `${this.#client} begins task ${task.n}, attempt ${task.attempt}, grant ${task.grant % 2 ** 32} of epoch ${Math.floor(task.grant / 2 ** 32)}`,
    );
    const current: Current = {
      key,
      run,
      stubborn: behaviour.stubborn,
      startedAt: clock.now(),
      cores,
      memory,
      abandoned: false,
      stop: () => {},
    };
    slot.current = current;
    this.#checkBudget();
    // Of calls that travel together one may take as long as it likes.
    const stall = slot.queue.length > 0 && !this.#sure && this.#random.chance(0.3) ? this.#random.between(50, 500) : 0;
    const outcome = task.attempt <= behaviour.failures ? 'failed' : 'succeeded';
    if (behaviour.deadly) current.stop = this.#process.after(10, () => this.#reports.died());
    else current.stop = this.#process.after(behaviour.duration * this.#speed + stall, () => this.#finish(number, current, outcome));
  }

  #finish(number: number, current: Current, outcome: 'succeeded' | 'failed' | 'stopped'): void {
    const slot = this.#slots[number]!;
    current.run.outcome = current.abandoned ? 'stopped' : outcome;
    this.#world.tell(`${this.#client} ends task ${current.run.n}, attempt ${current.run.attempt}: ${current.run.outcome}`);
    slot.current = null;
    const end = this.#end(current.key, current.startedAt, outcome === 'succeeded' ? 'succeeded' : 'failed');
    const last = slot.queue.length === 0;
    // After a ladder the slot is replaced; else it may be ready before or after the end is told.
    if (last && slot.signalled) {
      this.#report(number, [end], false);
      this.#process.after(5, () => this.#report(number, [], true));
    } else if (last && !this.#sure && this.#random.chance(0.2)) {
      this.#report(number, [], true);
      this.#process.after(1, () => this.#report(number, [end], false));
    } else this.#report(number, [end], last);
    if (!last) this.#next(number);
  }

  #report(number: number, ends: readonly ExecutionEnd[], idle: boolean): void {
    const slot = this.#slots[number]!;
    if (idle) {
      slot.busy = false;
      slot.signalled = false;
    }
    this.#reports.ended(number, ends, idle);
  }

  #end(key: number, startedAt: number, outcome: 'succeeded' | 'failed'): ExecutionEnd {
    const { clock } = this.#world;
    return {
      key,
      outcome,
      exitStatus: outcome === 'succeeded' ? 0 : 1,
      startedAt: this.#world.wall(this.#client) - (clock.now() - startedAt),
      durationMs: clock.now() - startedAt,
      extra: null,
    };
  }

  #checkBudget(): void {
    let cores = 0;
    let memory = 0;
    for (const { current } of this.#slots) {
      cores += current?.cores ?? 0;
      memory += current?.memory ?? 0;
    }
    if (cores > this.#cores || memory > this.#memory)
      throw new Error(`${this.#client} runs ${cores} of ${this.#cores} cores, ${memory} of ${this.#memory} bytes`);
  }
}

const notNow = new MillraceError('ERR_SPAWN', 'no process could be had');
