/** The table of leases: which client holds which task under which grant, and which grant rows a turn has to rewrite. */
import { MillraceError } from '../../base/errors.ts';
import type { GrantRow } from '../../store/store.ts';
import { toRanges } from '../../task/ranges.ts';
import { Crowd } from './crowd.ts';
import type { CoreClient, CoreTask, Grant } from './entities.ts';
import type { Limits } from './limits.ts';

export class Leases {
  readonly clients: Map<string, CoreClient> = new Map();
  readonly byConnection: Map<string, CoreClient> = new Map();
  readonly crowd: Crowd = new Crowd();
  /** Clients whose results were handled in this turn. */
  unanswered: CoreClient[] = [];
  /** Grants whose row must be rewritten in this turn. */
  readonly changed: Set<Grant> = new Set();
  readonly #epoch: number;
  readonly #limits: Limits;
  #counter = 0;
  /** The one that was found last. */
  #awaited: CoreClient | null = null;

  constructor(epoch: number, limits: Limits) {
    this.#epoch = epoch;
    this.#limits = limits;
  }

  /** A new grant of these tasks; they are marked by the caller. */
  grant(client: CoreClient, attempt: number, tasks: CoreTask[]): Grant {
    const grant: Grant = { id: this.#epoch * 2 ** 32 + ++this.#counter, client, attempt, tasks, out: 0 };
    this.adopt(grant);
    this.changed.add(grant);
    return grant;
  }

  /** Take in a grant that a former server left: what it holds counts for the limits of now. */
  recover(grant: Grant, now: number): void {
    this.adopt(grant);
    for (const task of grant.tasks) {
      if (task === null) continue;
      task.kind = this.#limits.kindOf(task.attributes, now);
      if (task.kind.units.length > 0) this.#limits.lease(task.kind, grant.client, now);
    }
  }

  /** Take a grant in. Units of limits were leased when its tasks were taken. */
  adopt(grant: Grant): void {
    grant.client.grants.set(grant.id, grant);
    this.crowd.moved(grant.client);
    for (let place = 0; place < grant.tasks.length; place++) {
      const task = grant.tasks[place];
      if (!task) continue;
      task.grant = grant;
      task.place = place;
      grant.out++;
      grant.client.leased++;
    }
  }

  /** Take a task out of its grant. `rewrite`: its number must leave the stored row too (it is not done). */
  release(task: CoreTask, running: boolean, rewrite: boolean): void {
    const grant = task.grant;
    if (grant === null || grant.tasks[task.place] !== task) throw new MillraceError('ERR_INTERNAL', `no lease to release: ${task.story()}`);
    grant.tasks[task.place] = null;
    task.grant = null;
    task.started = null;
    grant.client.leased--;
    if (grant.client.keptFor === task) grant.client.keptFor = null;
    this.crowd.moved(grant.client);
    if (task.kind.units.length > 0) this.#limits.release(task.kind, grant.client);
    if (running) grant.client.running--;
    if (--grant.out === 0) {
      grant.client.grants.delete(grant.id);
      this.changed.add(grant);
    } else if (rewrite) this.changed.add(grant);
  }

  /** Some connected client that holds tasks; null: none does. */
  get awaited(): CoreClient | null {
    const holds = ({ connection, leased }: CoreClient): boolean => connection !== null && leased > 0;
    if (this.#awaited !== null && holds(this.#awaited)) return this.#awaited;
    this.#awaited = null;
    for (const client of this.clients.values()) if (holds(client)) this.#awaited ??= client;
    return this.#awaited;
  }

  /** Tasks that were done are queued again: the stored rows of the grants that they came under may still name them, who are not leased any more. */
  rewriteAll(): void {
    for (const client of this.clients.values()) for (const grant of client.grants.values()) this.changed.add(grant);
  }

  /** The rows of the grants that this turn changed. */
  takeChanged(): GrantRow[] {
    const rows: GrantRow[] = [];
    for (const grant of this.changed) {
      const tasks: number[] = [];
      for (const task of grant.tasks) if (task !== null) tasks.push(task.n);
      tasks.sort(ascending);
      rows.push({ id: grant.id, client: grant.client.n, attempt: grant.attempt, tasks: toRanges(tasks) });
    }
    this.changed.clear();
    return rows;
  }

  /** Forget a client that holds nothing and has no connection. */
  forget(client: CoreClient): void {
    if (client.connection !== null || client.grants.size > 0) return;
    this.clients.delete(client.id);
    this.crowd.moved(client);
    // Who is alone may hold more.
    if (this.clients.size === 1) for (const other of this.clients.values()) this.crowd.moved(other);
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}
