/**
 * What really happened in a simulation, written down beside the parts and without asking their cores: executions by clients, what
 * the store was told, what submitters were promised. `promises.ts` compares.
 */
import type { GrantId } from '../protocol/messages.ts';
import { type AttemptEnd, type StoredTask, storedState, type Writes } from '../store/store.ts';
import { outcomeCode } from '../task/result.ts';

/** One run of one attempt on one client. */
export interface Run {
  readonly client: string;
  readonly grant: GrantId;
  readonly n: number;
  readonly attempt: number;
  outcome: 'running' | 'succeeded' | 'failed' | 'stopped';
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
  readonly #grants: Set<GrantId> = new Set();
  readonly #pending: Map<number, number> = new Map();
  /** Tasks that a cancel reached while they were not done. */
  readonly cancelled: Set<number> = new Set();

  began(run: Run): void {
    const runs = this.runs.get(run.n);
    if (runs === undefined) {
      this.runs.set(run.n, [run]);
      return;
    }
    if (runs.some((other) => other.grant === run.grant)) throw new Error(`task ${run.n} ran twice under grant ${run.grant}`);
    runs.push(run);
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

  /** A transaction, right after it was committed. */
  committed(writes: Writes): void {
    for (const task of writes.tasks) {
      if (this.tasks.has(task.n)) throw new Error(`task ${task.n} was inserted twice`);
      this.tasks.set(task.n, task);
      this.#pending.set(task.group, (this.#pending.get(task.group) ?? 0) + 1);
    }
    for (const { n, id } of writes.clients) this.clientIds.set(n, id);
    for (const end of writes.attempts) this.#attempt(end);
    for (const end of writes.ends) this.#end(end);
    for (const move of writes.moves)
      if (move.state !== storedState.ready && move.state !== storedState.waiting)
        throw new Error(`task ${move.n} moved to state ${move.state}`);
    const lowest = Math.min(...this.#pending.keys());
    for (const grant of writes.grants) {
      if (this.#grants.has(grant.id)) continue;
      this.#grants.add(grant.id);
      for (let i = 0; i < grant.tasks.length; i += 2) {
        for (let n = grant.tasks[i]!; n <= grant.tasks[i + 1]!; n++) {
          const task = this.tasks.get(n);
          if (task === undefined) throw new Error(`grant ${grant.id} names task ${n}, which is not in the store`);
          if (task.group !== lowest) throw new Error(`task ${n} of group ${task.group} was granted while group ${lowest} is not done`);
        }
      }
    }
    for (const n of this.cancelled)
      if (this.ends.get(n)?.outcome !== outcomeCode.cancelled) throw new Error(`task ${n} was cancelled and then ended otherwise`);
  }

  #attempt(end: AttemptEnd): void {
    if (this.ends.has(end.n)) throw new Error(`an attempt of task ${end.n} was recorded after its end`);
    this.#reported(end);
    const attempts = this.attempts.get(end.n) ?? [];
    if (end.attempt !== attempts.length + 1) throw new Error(`task ${end.n}: attempt ${end.attempt} was recorded after ${attempts.length}`);
    attempts.push(end);
    this.attempts.set(end.n, attempts);
  }

  #end(end: AttemptEnd): void {
    const task = this.tasks.get(end.n);
    if (task === undefined) throw new Error(`task ${end.n} ended but is not in the store`);
    if (this.ends.has(end.n)) throw new Error(`the end of task ${end.n} was recorded twice`);
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
      throw new Error(`task ${end.n}: a result of attempt ${end.attempt} by client ${client} was recorded that it never had`);
    // A command may still succeed after its time is up: it was too late.
    if (outcome === outcomeCode.timeout) return;
    if (!own.some((run) => (outcome === outcomeCode.succeeded) === (run.outcome === 'succeeded')))
      throw new Error(`task ${end.n}: attempt ${end.attempt} was ${own[0]!.outcome} but recorded with outcome ${outcome}`);
  }
}
