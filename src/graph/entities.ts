/**
 * What the graph's state machine knows: sessions with their tasks and objects, and the clients that run the ones and hold the others. States are
 * numbers, links are references, and a new field is set in the constructor: none of them changes its shape.
 *
 * A task: waiting (inputs are missing) → ready (in a heap) → assigned (sent to a client; also ahead of its inputs, when those are made there) →
 * finished, failed or removed (its session has failed or ended). A loss leads back from assigned, and from finished when an output must be made again.
 * An object: unfinished → finished → removed (nobody needs it), failed. A loss leads back to unfinished.
 */

import { NumberMap } from '../base/number-map.ts';
import { listOf, none } from './lists.ts';
import type { Needs } from './needs.ts';
import type { NodeTable, PastNode } from './node-table.ts';

export const taskState = { waiting: 0, ready: 1, assigned: 2, finished: 3, failed: 4, removed: 5 } as const;
export type TaskState = (typeof taskState)[keyof typeof taskState];
export const objectState = { unfinished: 0, finished: 1, removed: 2, failed: 3 } as const;
export type ObjectState = (typeof objectState)[keyof typeof objectState];

/** Structured data that only the two ends read. */
export type Opaque = string | Uint8Array;

/** Why a task failed. */
export interface Failure {
  task: number;
  type: string;
  name: string | null;
  code: string;
  message: string;
  debug: string;
  stderr: string;
}

/** An object as it is submitted; `value` null: a task makes it. */
export type ObjectSpec = readonly [
  id: number,
  label: string,
  kind: 0 | 1,
  keep: boolean,
  value: Uint8Array | null | true,
  more: { readonly contentType?: string; readonly attributes?: Opaque } | null,
];

/** What a task asks for beside a slot. */
export interface TaskMore {
  readonly name?: string;
  readonly cpus?: number;
  readonly memory?: number;
  readonly resources?: Readonly<Record<string, number>>;
  readonly priority?: number;
  readonly attributes?: Opaque;
}

/** A task as it is submitted: inputs are pairs of object and label. */
export type TaskSpec = readonly [
  id: number,
  type: string,
  config: Opaque | null,
  inputs: readonly (number | string | null)[],
  outputs: readonly number[],
  more: TaskMore | null,
];

/** Ready tasks of the same needs (`heap.ts`). */
export interface TaskHeap {
  readonly size: number;
  remove(task: GraphTask): void;
}

/** Ready tasks in lanes (`queue.ts`). */
export interface TaskQueue extends Iterable<GraphTask> {
  readonly size: number;
  push(task: GraphTask): void;
  remove(task: GraphTask): void;
  /** The first that fits; null: none does. */
  next(fits: (needs: Needs | null) => boolean): GraphTask | null;
  /** The first of each lane of tasks that do not ask for one core and nothing else. */
  demanding(): Iterable<GraphTask>;
  check(): void;
}

/** Somebody waits for nodes of a session, by a token that the shell chose. */
export interface Waiter {
  readonly token: number;
  readonly session: GraphSession;
  /** Nodes that have not ended; of all tasks: Infinity. */
  left: number;
  readonly some: boolean;
  readonly items: readonly (GraphTask | GraphObject | PastNode)[];
}

export class GraphObject {
  /** Unique on the server. */
  readonly n: number;
  readonly session: GraphSession;
  readonly id: number;
  readonly spec: ObjectSpec;
  /** Its bytes are with the server until the session ends. */
  readonly constant: boolean;
  keep: boolean;
  state: ObjectState;
  producer: GraphTask | null = null;
  /** Once for each time that it is an input; not of a constant, which is never made again, and not for long of a task that will not run again. */
  consumers: readonly GraphTask[] = none;
  /** How often it is an input; how often of a task that may run, again too; and of one that has not ended. */
  uses = 0;
  retained = 0;
  pending = 0;
  holders: readonly GraphClient[] = none;
  /** The server has it from a client that left. */
  rescued = false;
  size = 0;
  contentType: string | null = null;
  info: Opaque | null = null;
  waiters: Waiter[] | null = null;

  constructor(n: number, session: GraphSession, spec: ObjectSpec) {
    this.n = n;
    this.session = session;
    this.id = spec[0];
    this.spec = spec;
    this.keep = spec[3];
    this.constant = spec[4] !== null;
    this.state = this.constant ? objectState.finished : objectState.unfinished;
  }

  addConsumer(task: GraphTask): void {
    this.uses++;
    this.retained++;
    this.pending++;
    if (this.constant) return;
    if (this.consumers === none) this.consumers = listOf(task);
    else (this.consumers as GraphTask[]).push(task);
  }

  /** Somebody has a use for its bytes. */
  get needed(): boolean {
    return this.keep || this.pending > 0;
  }
}

export class GraphTask {
  readonly session: GraphSession;
  readonly id: number;
  readonly spec: TaskSpec;
  readonly inputs: readonly GraphObject[];
  readonly outputs: readonly GraphObject[];
  readonly needs: Needs | null;
  readonly priority: number;
  /** In order of submission. */
  readonly order: number;
  state: TaskState = taskState.waiting;
  /** Inputs that are unfinished, each as often as it is an input. */
  missing = 0;
  /** Links of the longest way from here to an end of the graph. */
  depth = 1;
  /** Of the last assignment: the fence. */
  run = 0;
  client: GraphClient | null = null;
  /** Sent ahead: what makes its input runs on the same client. */
  following = false;
  /** Its client says that it really runs. */
  begun = false;
  /** Where it stands while it is ready. */
  heap: TaskHeap | null = null;
  heapIndex = 0;
  /** The client that it stands in the queue of; null: in the common one. */
  near: GraphClient | null = null;
  /** It would be ready, if this client were not away, which alone has one of its inputs. */
  parked: GraphClient | null = null;
  losses = 0;
  failure: Failure | null = null;
  startedAt: number | null = null;
  durationMs: number | null = null;
  info: Opaque | null = null;
  debug = '';
  ranOn: string | null = null;
  waiters: Waiter[] | null = null;

  constructor(session: GraphSession, spec: TaskSpec, links: Pick<GraphTask, 'inputs' | 'outputs' | 'needs' | 'order'>) {
    this.session = session;
    this.id = spec[0];
    this.spec = spec;
    this.inputs = links.inputs;
    this.outputs = links.outputs;
    this.needs = links.needs;
    this.order = links.order;
    this.priority = spec[5]?.priority ?? 0;
  }

  get cpus(): number {
    return this.needs === null ? 1 : this.needs.cpus;
  }

  get ended(): boolean {
    return this.state >= taskState.finished;
  }
}

export class GraphSession {
  readonly n: number;
  readonly name: string;
  readonly onFailure: 'fail' | 'continue';
  /** It outlives its connection and, where its history is stored, its server. */
  readonly lasting: boolean;
  /** After a restart: clients that worked for it before and have not come back yet. Nothing of it is given out before; null: none. */
  awaited: Set<GraphClient> | null = null;
  readonly nodes: NodeTable<GraphTask | GraphObject>;
  state: 'open' | 'failed' | 'closed' = 'open';
  failure: Failure | null = null;
  /** Tasks that have not ended, ready ones, and those at clients; `recomputed`: ran again since an output was lost. */
  unfinished = 0;
  ready = 0;
  assigned = 0;
  /** Those of them that really run. */
  begun = 0;
  finished = 0;
  failed = 0;
  recomputed = 0;
  /** Finished objects that are held, and their bytes. */
  objects = 0;
  bytes = 0;
  readonly waiters: Set<Waiter> = new Set();
  /** Those of them that wait for all tasks. */
  readonly allWaiters: Set<Waiter> = new Set();
  /** Those that were given anything of it. */
  readonly clients: Set<GraphClient> = new Set();

  constructor(n: number, name: string, onFailure: 'fail' | 'continue', lasting: boolean, nodes: NodeTable<GraphTask | GraphObject>) {
    this.n = n;
    this.nodes = nodes;
    this.name = name;
    this.onFailure = onFailure;
    this.lasting = lasting;
  }
}

/** What a client offers; null: not limited. */
export interface GraphCapacity {
  readonly slots: number;
  readonly cores: number | null;
  readonly memory: number | null;
  readonly resources: Readonly<Record<string, number>>;
}

export class GraphClient {
  readonly id: string;
  capacity: GraphCapacity;
  /** A slot is a core at least: who runs more tasks than the machine has cores wants that. */
  cores: number;
  /** How many tasks of the usual kind it runs at a time. */
  width: number;
  /** Connected, and what it holds was compared. */
  online = true;
  /** It takes nothing new: it drains. */
  closing = false;
  /** By the number of the run. */
  readonly runs: NumberMap<GraphTask> = new NumberMap();
  /** What the runs ask for. */
  load = 0;
  memory = 0;
  readonly resources: Record<string, number> = {};
  /** Runs that wait for nothing. */
  active = 0;
  /** By their number. */
  readonly held: NumberMap<GraphObject> = new NumberMap();
  /** Ready tasks whose inputs lie here. */
  readonly own: TaskQueue;
  /** How long a task takes there, in ms: a moving mean. */
  mean = 50;
  lastDone = 0;
  recalling = false;
  /** It leaves: what it has still to give to others, what is on its way to them; it may go when it is `free`. */
  handing: { readonly left: GraphObject[]; readonly under: Set<GraphObject>; bytes: number; free: boolean } | null = null;
  /** By number: objects that it is to take from a client that leaves. */
  readonly takes: Map<number, readonly [object: GraphObject, giver: GraphClient]> = new Map();
  /** While it is away: tasks that wait for its return. */
  readonly parked: Set<GraphTask> = new Set();
  /** For sums over clients. */
  weight = 0;

  constructor(id: string, capacity: GraphCapacity, own: TaskQueue) {
    this.id = id;
    this.capacity = capacity;
    this.cores = Math.max(capacity.cores ?? 0, capacity.slots);
    this.width = Math.min(Math.floor(this.cores), capacity.slots);
    this.own = own;
  }

  /** What it offers, of one that was known by name only. */
  equip(capacity: GraphCapacity): void {
    this.capacity = capacity;
    this.cores = Math.max(capacity.cores ?? 0, capacity.slots);
    this.width = Math.min(Math.floor(this.cores), capacity.slots);
  }
}
