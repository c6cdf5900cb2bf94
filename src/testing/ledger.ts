/**
 * What really happened in a simulation, written down beside the parts and without asking their cores: executions by clients, what
 * the store was told, what submitters were promised. `promises.ts` compares.
 */
import type { GrantId } from '../protocol/messages.ts';
import type { ServerCore } from '../server/core/core.ts';
import type { CoreOptions } from '../server/core/events.ts';
import { type AttemptEnd, type Recovery, type StoredTask, storedState, type Writes } from '../store/store.ts';
import { outcomeCode } from '../task/result.ts';
import { taskState } from '../task/state.ts';
import type { TaskAttributes } from '../task/task.ts';
import { broken } from './broken.ts';
import { GrantRows, type LeaseTable } from './grant-rows.ts';

/** One run of one attempt on one client. */
export interface Run {
  readonly client: string;
  readonly grant: GrantId;
  readonly n: number;
  readonly attempt: number;
  outcome: 'running' | 'succeeded' | 'failed' | 'stopped';
  /** It was told to end, and may have ended by itself all the same. */
  signalled?: boolean;
}

export class Ledger {
  /** Tasks in the store, by number. */
  readonly tasks: Map<number, StoredTask> = new Map();
  readonly ends: Map<number, AttemptEnd> = new Map();
  readonly attempts: Map<number, AttemptEnd[]> = new Map();
  readonly runs: Map<number, Run[]> = new Map();
  /** What submitters were told is accepted: labels of tasks by number. */
  readonly accepted: Map<number, string> = new Map();
  /** Leases that ended without a result, and why. */
  readonly endedLeases: Map<string, string> = new Map();
  readonly goneClients: Set<string> = new Set();
  readonly clientIds: Map<number, string> = new Map();
  /** Stored tasks that stand in the queue or wait, by `storedState`. */
  readonly states: Map<number, number> = new Map();
  readonly rows: GrantRows = new GrantRows();
  readonly #options: Pick<CoreOptions, 'limits' | 'window' | 'bundle' | 'maxLosses'>;
  readonly #grants: Set<GrantId> = new Set();
  readonly #pending: Map<number, number> = new Map();
  /** Tasks that a cancel reached while they were not done. */
  readonly cancelled: Set<number> = new Set();
  /** Tasks that were queued again or deleted by hand: what depends on them may have seen them before. */
  readonly touched: Set<number> = new Set();
  readonly removed: Set<number> = new Set();
  /** Attempts that lie before the last time that a task was queued again: retries and losses are counted from there. */
  readonly earlier: Map<number, number> = new Map();
  /** Further attempts, ever. */
  retries = 0;

  constructor(options: Pick<CoreOptions, 'limits' | 'window' | 'bundle' | 'maxLosses'>) {
    this.#options = options;
  }

  /** The group that is served; null: nothing is pending. */
  get lowestGroup(): number | null {
    return this.#pending.size === 0 ? null : Math.min(...this.#pending.keys());
  }

  /** It is stored and has not ended. */
  isOpen(n: number): boolean {
    return this.tasks.has(n) && !this.ends.has(n);
  }

  began(run: Run): void {
    this.#keepsLimits(run);
    this.#isAlone(run);
    const runs = this.runs.get(run.n);
    if (runs === undefined) {
      this.runs.set(run.n, [run]);
      return;
    }
    if (runs.some((other) => other.grant === run.grant)) throw broken('once', `task ${run.n} ran twice under grant ${run.grant}`);
    runs.push(run);
  }

  /** What runs under a lease of now is never more than a limit allows; what its server has given up may still run. */
  #keepsLimits(run: Run): void {
    if (!this.#counts(run)) return;
    for (const { key, concurrency } of this.#options.limits) {
      const value = this.#tag(run.n, key);
      if (value === undefined || concurrency === null) continue;
      const others: number[] = [];
      for (const [n, runs] of this.runs) {
        if (this.#tag(n, key) !== value) continue;
        if (runs.some((other) => other.outcome === 'running' && this.#counts(other))) others.push(n);
      }
      if (others.length >= concurrency)
        throw broken('order', `task ${run.n} begins while ${others.join(' and ')} of ${key} ${value} run: at most ${concurrency} may`);
    }
  }

  /** Tasks that are lost to their clients once more end: they share a client with nobody. */
  #isAlone(run: Run): void {
    if (!this.#counts(run)) return;
    const alone = this.runsAlone(run.n);
    for (const [n, runs] of this.runs) {
      const beside = runs.find((other) => other.client === run.client && other.outcome === 'running' && this.#counts(other));
      if (beside === undefined || n === run.n || !(alone || this.runsAlone(n))) continue;
      throw broken('losses', `task ${run.n} begins on ${run.client} beside task ${n}: ${alone ? run.n : n} is to run alone`);
    }
  }

  /** One loss more would end it, and it is not the first. */
  runsAlone(n: number): boolean {
    const attempts = this.attempts.get(n);
    if (attempts === undefined) return false;
    const lost = attempts.slice(this.earlier.get(n) ?? 0).filter(({ outcome }) => outcome === outcomeCode.lost).length;
    return lost >= Math.max(2, this.#options.maxLosses - 1);
  }

  #counts({ client, grant, n }: Run): boolean {
    return !this.ends.has(n) && !this.goneClients.has(client) && !this.endedLeases.has(`${grant}/${n}`);
  }

  #tag(n: number, key: string): string | number | boolean | null | undefined {
    return this.tasks.get(n)?.task[3]?.tags?.[key];
  }

  /** A client ended in good order: what still ran was of no use to anybody. */
  left(client: string): void {
    for (const runs of this.runs.values())
      for (const run of runs) if (run.client === client && run.outcome === 'running') run.outcome = 'stopped';
  }

  /** The leases of a client ended by the server's decision. */
  leaseEnded(grant: GrantId, n: number, why: string): void {
    this.endedLeases.set(`${grant}/${n}`, why);
  }

  /** A server starts on the store: it must find what was committed. */
  recovered({ nextTask, grants }: Recovery): void {
    for (const n of this.tasks.keys())
      if (n >= nextTask) throw broken('accepted', `task ${n} is not in the store: the next number is ${nextTask}`);
    for (const { id, tasks } of grants)
      for (const { n } of tasks) if (!this.isOpen(n)) throw broken('leases', `grant ${id} was recovered with task ${n}, which is done`);
    this.rows.dropDone((n) => this.isOpen(n));
  }

  /** What the core holds of a queue is bounded, however long that is. */
  watchMemory(core: ServerCore): void {
    const held = core.numbersIn(taskState.ready).length;
    const bound = this.#options.window.tasks * 3 + 64;
    if (held > bound) throw broken('memory', `${held} ready tasks are in memory, ${bound} may be`);
  }

  /** A transaction, right after it was committed. `leases`: those of the core when it made the transaction. */
  committed(writes: Writes, leases: LeaseTable): void {
    for (const task of writes.tasks) {
      if (this.tasks.has(task.n)) throw broken('accepted', `task ${task.n} was inserted twice`);
      this.tasks.set(task.n, task);
      this.states.set(task.n, task.state);
      this.#pending.set(task.group, (this.#pending.get(task.group) ?? 0) + 1);
    }
    for (const { n, id } of writes.clients) this.clientIds.set(n, id);
    for (const end of writes.attempts) this.#attempt(end);
    for (const end of writes.ends) this.#end(end);
    for (const { n, group, forget } of writes.reopened) this.#reopen(n, group, forget);
    for (const { n, attributes } of writes.changed) this.#change(n, attributes);
    for (const n of writes.removed) this.#remove(n);
    for (const move of [...writes.moves, ...writes.reopened]) {
      if (move.state !== storedState.ready && move.state !== storedState.waiting)
        throw broken('once', `task ${move.n} moved to state ${move.state}`);
      this.states.set(move.n, move.state);
    }
    this.rows.committed(writes.grants, leases, (n) => this.isOpen(n));
    const lowest = this.lowestGroup;
    for (const grant of writes.grants) {
      if (this.#grants.has(grant.id)) continue;
      this.#grants.add(grant.id);
      let named = 0;
      for (let i = 0; i < grant.tasks.length; i += 2) {
        for (let n = grant.tasks[i]!; n <= grant.tasks[i + 1]!; n++) {
          const task = this.tasks.get(n);
          if (++named > this.#options.bundle.tasks) throw broken('memory', `grant ${grant.id} has more than ${named - 1} tasks`);
          if (task === undefined) throw broken('order', `grant ${grant.id} names task ${n}, which is not in the store`);
          this.#checkParents(task);
          if (task.group !== lowest)
            throw broken('order', `task ${n} of group ${task.group} was granted while group ${lowest} is not done`);
        }
      }
    }
    for (const n of this.cancelled)
      if (this.ends.get(n)?.outcome !== outcomeCode.cancelled) throw broken('cancel', `task ${n} was cancelled and then ended otherwise`);
  }

  /** The number of the attempt that follows. */
  next(n: number): number {
    return (this.attempts.get(n)?.reduce((last, { attempt }) => Math.max(last, attempt), 0) ?? 0) + 1;
  }

  #reopen(n: number, group: number, forget: boolean): void {
    const end = this.ends.get(n);
    if (end === undefined) throw broken('once', `task ${n} was queued again but is not done`);
    this.touched.add(n);
    this.cancelled.delete(n);
    this.ends.delete(n);
    const attempts = forget ? [] : [...(this.attempts.get(n) ?? []), end];
    this.attempts.set(n, attempts);
    this.earlier.set(n, attempts.length);
    this.#pending.set(group, (this.#pending.get(group) ?? 0) + 1);
    for (const { grant } of this.runs.get(n) ?? []) this.leaseEnded(grant, n, 'queued again');
  }

  #change(n: number, attributes: TaskAttributes | null): void {
    const stored = this.tasks.get(n);
    if (stored === undefined) throw broken('once', `task ${n} was changed but is not in the store`);
    const [kind, args, input] = stored.task;
    this.tasks.set(n, { ...stored, task: [kind, args, input, attributes] });
  }

  #remove(n: number): void {
    if (!this.ends.has(n)) throw broken('once', `task ${n} was deleted but is not done`);
    this.touched.add(n);
    this.cancelled.delete(n);
    this.removed.add(n);
    this.tasks.delete(n);
    this.ends.delete(n);
    this.attempts.delete(n);
  }

  /** A task goes out when all that it depends on has ended, and ended well unless it is to run all the same. */
  #checkParents({ n, task }: StoredTask): void {
    const { parents = [], dependencyFailure } = task[3] ?? {};
    if (this.touched.has(n)) return;
    for (const parent of parents) {
      if (this.touched.has(parent)) continue;
      const outcome = this.ends.get(parent)?.outcome;
      if (outcome === undefined) throw broken('order', `task ${n} was granted before task ${parent} had ended, on which it depends`);
      if (outcome !== outcomeCode.succeeded && dependencyFailure !== 'run')
        throw broken('order', `task ${n} was granted although task ${parent} ended with outcome ${outcome}`);
    }
  }

  #attempt(end: AttemptEnd): void {
    if (this.ends.has(end.n)) throw broken('once', `an attempt of task ${end.n} was recorded after its end`);
    this.#reported(end);
    const attempts = this.attempts.get(end.n) ?? [];
    this.retries++;
    if (end.attempt !== this.next(end.n))
      throw broken('once', `task ${end.n}: attempt ${end.attempt} was recorded where ${this.next(end.n)} was due`);
    attempts.push(end);
    this.attempts.set(end.n, attempts);
  }

  #end(end: AttemptEnd): void {
    const task = this.tasks.get(end.n);
    if (task === undefined) throw broken('once', `task ${end.n} ended but is not in the store`);
    if (this.ends.has(end.n)) throw broken('once', `the end of task ${end.n} was recorded twice`);
    this.#reported(end);
    this.ends.set(end.n, end);
    const left = this.#pending.get(task.group)! - 1;
    if (left > 0) this.#pending.set(task.group, left);
    else this.#pending.delete(task.group);
  }

  /** A result must be what the client that held the lease saw. */
  #reported(end: AttemptEnd): void {
    const { outcome } = end;
    if (outcome !== outcomeCode.succeeded && outcome !== outcomeCode.failed && outcome !== outcomeCode.timeout) return;
    const client = this.clientIds.get(end.client ?? -1);
    const runs = this.runs.get(end.n) ?? [];
    const own = runs.filter((run) => run.client === client && run.attempt === end.attempt && run.outcome !== 'running');
    if (own.length === 0)
      throw broken('once', `task ${end.n}: a result of attempt ${end.attempt} by client ${client} was recorded that it never had`);
    // A command may still succeed after its time is up: it was too late.
    if (outcome === outcomeCode.timeout) return;
    if (!own.some((run) => (outcome === outcomeCode.succeeded) === (run.outcome === 'succeeded')))
      throw broken('once', `task ${end.n}: attempt ${end.attempt} was ${own[0]!.outcome} but recorded with outcome ${outcome}`);
  }
}
