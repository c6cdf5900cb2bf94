/**
 * What the core holds: tasks (in the ready window, waiting, or leased), clients and the grants between them. Mutated in place: copies
 * cost 2 µs a task, moves 0.2.
 *
 * A client is *absent* (known, holds grants, no connection), *greeting* (connected, its `resume` not yet handled: gets
 * no work), *present*, or *leaving* (drained or said bye). It is forgotten when it is absent and holds nothing. A grant lives until each
 * of its tasks is settled, given back or evicted; its id is the fence: a result for a task that is not out
 * under it is refused. In messages the tasks of a grant are named by their numbers: places would shift when a restarted server finds only what is left.
 */
import type { ClientCapacity, GrantId } from '../../protocol/messages.ts';
import type { AttemptEnd, Move, QueueKey, StoredTask } from '../../store/store.ts';
import { taskSize } from '../../task/size.ts';
import { taskState, taskStates } from '../../task/state.ts';
import type { TaskAttributes, WireTask } from '../../task/task.ts';
import type { PeerCertificate } from '../../transport/connection.ts';
import { type Demand, isWithin } from './demand.ts';
import type { Heap, HeapItem } from './heap.ts';
import { type Holder, type LaneKind, type LimitUnit, plainKind } from './kind.ts';

/** Both clocks, read once for each event: `now` decides, `wall` is only recorded. ms. */
export interface Instant {
  readonly now: number;
  readonly wall: number;
}

export class CoreTask implements QueueKey {
  readonly n: number;
  readonly submittedAt: number;
  readonly wire: WireTask;
  readonly group: number;
  /** Under which lane it stands in the store. */
  readonly storedLane: string | null;
  /** With which tasks it queues: known from when it is ready. */
  kind: LaneKind = plainKind;
  rank: number;
  state: number;
  attempts: number;
  losses: number;
  readyAt: number | null;
  grant: Grant | null = null;
  place = 0;
  /** When the server took it over, and when its start was noticed (null: not yet): shared by all of an event, where a number of its own would take 16 bytes. */
  readonly accepted: Instant;
  started: Instant | null = null;
  #weight = 0;

  constructor(row: StoredTask, accepted: Instant) {
    this.n = row.n;
    this.submittedAt = row.submittedAt;
    this.wire = row.task;
    this.group = row.group;
    this.rank = row.rank;
    this.state = row.state;
    this.attempts = row.attempts;
    this.losses = row.losses;
    this.readyAt = row.readyAt;
    this.accepted = accepted;
    this.storedLane = row.lane;
  }

  get attributes(): TaskAttributes | null {
    return this.wire[3];
  }

  /** Estimated bytes in memory and on the wire. */
  get weight(): number {
    if (this.#weight === 0) this.#weight = 200 + taskSize(this.wire);
    return this.#weight;
  }

  move(): Move {
    const { n, group, rank, state, attempts, losses, readyAt } = this;
    return { n, group, rank, state, attempts, losses, readyAt };
  }

  story(): string {
    const where = this.grant ? `, place ${this.place} of grant ${this.grant.id} to client ${this.grant.client.id}` : '';
    return `task ${this.n} (group ${this.group}, ${taskStates[this.state]}, ${this.attempts} attempts ended, ${this.losses} lost${where})`;
  }

  /** Its end without a client's result: cancelled, rejected, lost. */
  endWithoutResult(outcome: number, wall: number, waitedMs: number, extra: AttemptEnd['extra'] = null): AttemptEnd {
    return {
      n: this.n,
      attempt: this.grant !== null && this.state === taskState.running ? this.grant.attempt : this.attempts,
      outcome,
      exitStatus: null,
      client: this.grant?.client.n ?? null,
      slot: null,
      startedAt: null,
      durationMs: 0,
      completedAt: wall,
      waitedMs,
      extra,
    };
  }
}

export interface Grant {
  readonly id: GrantId;
  readonly client: CoreClient;
  readonly attempt: number;
  /** By place; null once settled, given back or evicted. */
  readonly tasks: (CoreTask | null)[];
  out: number;
}

export type ClientPhase = 'absent' | 'greeting' | 'present' | 'leaving';

export class CoreClient implements Holder, HeapItem {
  readonly n: number;
  readonly id: string;
  readonly host: string;
  capacity: ClientCapacity;
  /** What TLS verified of its connection, the last one if it has none now. */
  certificate: PeerCertificate | null = null;
  phase: ClientPhase = 'absent';
  connection: string | null = null;
  readonly grants: Map<GrantId, Grant> = new Map();
  /** Highest `want` of this connection: it takes `wanted` tasks in all, of which `sent` were sent; `free` slots had nothing. */
  wantSequence = 0;
  wanted = 0;
  sent = 0;
  free = 0;
  /** Tasks leased, and of those known to run. */
  leased = 0;
  running = 0;
  /** The suspect that runs alone on it, or for which it is emptied: it gets nothing else. */
  keptFor: CoreTask | null = null;
  /** Units of limits all of whose leases it holds, and how many of its leases are of limited tasks. */
  readonly units: Set<LimitUnit> = new Set();
  limited = 0;
  /** Monotonic: when it will be gone; null: no end is known. */
  endsAt: number | null = null;
  /** Highest results message handled but not yet acknowledged; -1: none. */
  acknowledge = -1;
  resultsSequence = 0;
  /** Monotonic: last bytes, end of the connection (or start of the server). */
  lastContact: number;
  absentSince: number;
  /** Its connection was seen to close, or it was joined to a server that is gone: then `reconnectGrace` counts. Else it may live on without its server. */
  sawClose = false;
  /** Monotonic: when a recall was sent that is not answered; -1: none. */
  recallSentAt = -1;
  /** Monotonic: when the last recall was answered: an empty answer must not be asked again at once. */
  recalledAt: number = Number.NEGATIVE_INFINITY;
  /** Completed tasks per second, smoothed. */
  rate = 0;
  completedSince = 0;
  pacedAt: number;
  /** Its place among the others, kept by `crowd.ts`: clients of one kind can hold the same tasks; the rest is as of when it was placed. */
  kind = '';
  moved = false;
  queue: Heap<CoreClient> | null = null;
  at = -1;
  share = 0;
  load = 0;
  room = 0;

  constructor(n: number, id: string, host: string, capacity: ClientCapacity, now: number) {
    this.n = n;
    this.id = id;
    this.host = host;
    this.capacity = capacity;
    this.lastContact = now;
    this.absentSince = now;
    this.pacedAt = now;
  }

  /** Tasks that may be sent now. */
  get credit(): number {
    return this.phase === 'present' && this.keptFor === null ? Math.max(0, this.wanted - this.sent) : 0;
  }

  /** Tasks that it holds and, as far as is known, has not begun. */
  get unstarted(): number {
    return this.leased - this.running;
  }

  /** A new connection tells what it has. */
  equip(capacity: ClientCapacity, now: number): void {
    const { cores, memory, resources, walltime } = capacity;
    this.capacity = capacity;
    this.endsAt = walltime === undefined ? null : now + walltime;
    this.kind = walltime === undefined ? JSON.stringify([cores, memory, Object.entries(resources).sort()]) : this.id;
  }

  /** Whether it could ever hold such a task, and end it before it leaves. */
  fits(demand: Demand | null, now: number): boolean {
    if (demand === null) return true;
    if (this.endsAt !== null && demand.timeout > 0 && now + demand.timeout > this.endsAt) return false;
    return isWithin(this.capacity, demand);
  }
}

/** Something could begin there at once. */
export function isIdle({ free, credit }: CoreClient): boolean {
  return free > 0 && credit > 0;
}

/** Tasks that could begin there at once. */
export function roomOf({ free, credit }: CoreClient): number {
  return Math.min(free, credit);
}

/** It has more than it can begin, and is not asked to give of it. */
export function isLoaded(client: CoreClient): boolean {
  return client.phase === 'present' && client.unstarted > 0 && client.recallSentAt < 0 && !isIdle(client);
}
