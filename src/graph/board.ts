/**
 * All that the parts of the graph's state machine share: clients, ready tasks, and what is to be told at the end of the turn. Its methods keep the
 * cross-indexes: who holds what, who runs what, what is ready and where.
 */
import { Departures } from './departures.ts';
import type { Answer, ClientOrders, GraphTurn } from './effects.ts';
import { type GraphCapacity, GraphClient, type GraphObject, type GraphSession, type GraphTask, taskState } from './entities.ts';
import { none, withItem, withoutItem } from './lists.ts';
import { ReadyQueue } from './queue.ts';

export class Board {
  readonly clients: Map<string, GraphClient> = new Map();
  readonly sessions: Set<GraphSession> = new Set();
  /** Ready tasks that no client has an advantage for. */
  readonly shared: ReadyQueue = new ReadyQueue();
  /** Ready tasks in all queues. */
  ready = 0;
  /** Those of them that ask for more than one core. */
  demanding = 0;
  /** Clients that may be given something, and those with ready tasks of their own. */
  readonly roomy: Set<GraphClient> = new Set();
  readonly stocked: Set<GraphClient> = new Set();
  /** The time of the turn. */
  now = 0;
  /** When a task may be taken from a client that is busy for longer than was thought; Infinity: none may. */
  stealAt: number = Number.POSITIVE_INFINITY;
  answers: Answer[] = [];
  failed: GraphSession[] = [];
  #orders: Map<GraphClient, ClientOrders> = new Map();
  /** Clients whose connection is gone. */
  #away = 0;
  readonly departures: Departures = new Departures();
  /** Lasting sessions, and their objects, by number. */
  readonly lasting: Map<number, GraphSession> = new Map();
  readonly lastingObjects: Map<number, GraphObject> = new Map();
  /** Their tasks that have ended since the last look. */
  recorded: GraphTask[] = [];
  /** Since the last turn: tasks that have ended, or an output of theirs was let go; and those that failed, which run no more. */
  settled: GraphTask[] = [];
  gaveUp: GraphTask[] = [];
  /** Kept objects that several clients have and the last task has read, since the last turn. */
  copied: GraphObject[] = [];
  /** The numbers of lasting sessions, their objects and runs begin above this: never one that was given before, by this server or one before it. */
  readonly #base: number;
  #lasting = 0;
  #runs = 0;
  #objects = 0;
  #tasks = 0;

  constructor(base: number) {
    this.#base = base;
  }

  nextRun({ lasting }: GraphSession): number {
    return lasting ? this.nextLasting() : ++this.#runs;
  }

  nextObject({ lasting }: GraphSession): number {
    return lasting ? this.nextLasting() : ++this.#objects;
  }

  nextLasting(): number {
    return this.#base + ++this.#lasting;
  }

  nextOrder(): number {
    return ++this.#tasks;
  }

  orders(client: GraphClient): ClientOrders {
    let orders = this.#orders.get(client);
    if (orders === undefined) {
      orders = { client, refused: [], cancel: [], drop: [], run: [], forget: [], recall: 0 };
      this.#orders.set(client, orders);
    }
    return orders;
  }

  /** All that the turn decided. */
  takeTurn(): Omit<GraphTurn, 'forgotten'> {
    const { answers, failed } = this;
    if (answers.length > 0) this.answers = [];
    if (failed.length > 0) this.failed = [];
    return { orders: this.#takeOrders(), answers, failed, ...this.departures.endTurn() };
  }

  #takeOrders(): ClientOrders[] {
    if (this.#orders.size === 0) return [];
    const all = [...this.#orders.values()].filter(({ client }) => client.online);
    // Not cleared: its table would be kept for a while, and all that was ordered with it.
    this.#orders = new Map();
    return all;
  }

  addClient(id: string, capacity: GraphCapacity): GraphClient {
    const client = new GraphClient(id, capacity, new ReadyQueue());
    this.clients.set(id, client);
    return client;
  }

  // ---- ready tasks ----------------------------------------------------------------------------------------------------

  /** Its inputs are there: it stands where most of their bytes lie. */
  makeReady(task: GraphTask): void {
    const away = this.#away > 0 ? awayFor(task) : null;
    if (away !== null) {
      task.parked = away;
      away.parked.add(task);
      return;
    }
    task.state = taskState.ready;
    task.session.ready++;
    this.ready++;
    if (task.needs !== null) this.demanding++;
    const near = nearest(task);
    task.near = near;
    if (near === null) this.shared.push(task);
    else {
      near.own.push(task);
      this.stocked.add(near);
    }
  }

  unready(task: GraphTask): void {
    if (task.near === null) this.shared.remove(task);
    else {
      task.near.own.remove(task);
      if (task.near.own.size === 0) this.stocked.delete(task.near);
    }
    task.near = null;
    task.session.ready--;
    this.ready--;
    if (task.needs !== null) this.demanding--;
    task.state = taskState.waiting;
  }

  /** The connection of a client is gone, or there again. */
  setOnline(client: GraphClient, online: boolean): void {
    if (client.online === online) return;
    client.online = online;
    this.#away += online ? -1 : 1;
    if (!online) {
      this.roomy.delete(client);
      this.#orders.delete(client);
    } else if (!client.closing) this.roomy.add(client);
  }

  /** It is back, or gone for good: what waited for that is looked at again. */
  unpark(client: GraphClient): void {
    for (const session of this.lasting.values()) if (session.awaited?.delete(client) && session.awaited.size === 0) session.awaited = null;
    const tasks = [...client.parked];
    client.parked.clear();
    for (const task of tasks) {
      if (task.parked !== client) continue;
      task.parked = null;
      if (task.state === taskState.waiting && task.missing === 0) this.makeReady(task);
    }
  }

  removeClient(client: GraphClient): void {
    this.setOnline(client, false);
    this.#away--;
    this.clients.delete(client.id);
  }

  /** A client is gone for good: what would have run there best runs anywhere. */
  shareOut(client: GraphClient): void {
    for (const task of [...client.own]) {
      client.own.remove(task);
      task.near = null;
      this.shared.push(task);
    }
    this.stocked.delete(client);
  }

  // ---- runs -----------------------------------------------------------------------------------------------------------

  /** `following`: it waits there for what makes its input. */
  assign(task: GraphTask, client: GraphClient, following: boolean): void {
    if (task.state === taskState.ready) this.unready(task);
    task.state = taskState.assigned;
    task.client = client;
    task.run = this.nextRun(task.session);
    task.session.assigned++;
    task.session.clients.add(client);
    if (client.active === 0) client.lastDone = this.now;
    client.runs.set(task.run, task);
    task.following = following;
    if (!following) occupy(client, task, 1);
    this.orders(client).run.push(task);
  }

  /** A client has it already, from before its server was started again. */
  adopt(task: GraphTask, client: GraphClient, run: number, following = false): void {
    if (task.state === taskState.ready) this.unready(task);
    task.parked?.parked.delete(task);
    task.parked = null;
    task.state = taskState.assigned;
    task.client = client;
    task.run = run;
    task.session.assigned++;
    task.session.clients.add(client);
    client.runs.set(run, task);
    task.following = following;
    if (!following) occupy(client, task, 1);
  }

  /** Its client says that it really runs. */
  begin(task: GraphTask): void {
    if (!task.begun) task.session.begun++;
    task.begun = true;
  }

  /** What made its input has ended: it takes part from now on. */
  activate(task: GraphTask): void {
    task.following = false;
    occupy(task.client!, task, 1);
  }

  /** It runs there no more, as far as anybody knows. */
  unassign(task: GraphTask): void {
    const client = task.client!;
    client.runs.delete(task.run);
    if (!task.following) occupy(client, task, -1);
    task.following = false;
    if (task.begun) task.session.begun--;
    task.begun = false;
    task.client = null;
    task.session.assigned--;
    task.state = taskState.waiting;
    if (client.online && !client.closing) this.roomy.add(client);
  }

  // ---- holders --------------------------------------------------------------------------------------------------------

  hold(client: GraphClient, object: GraphObject): void {
    if (client.held.has(object.n)) return;
    client.held.set(object.n, object);
    object.holders = withItem(object.holders, client);
    object.session.clients.add(client);
  }

  unhold(client: GraphClient, object: GraphObject): void {
    if (client.held.delete(object.n)) object.holders = withoutItem(object.holders, client);
  }

  /** Nobody needs the copies any more. */
  dropCopies(object: GraphObject): void {
    for (const client of object.holders) {
      client.held.delete(object.n);
      this.orders(client).drop.push(object.n);
    }
    object.holders = none;
    if (object.rescued) this.departures.released.push(object);
    object.rescued = false;
  }
}

function occupy(client: GraphClient, { needs }: GraphTask, sign: 1 | -1): void {
  client.active += sign;
  if (needs === null) {
    client.load += sign;
    return;
  }
  client.load += sign * needs.cpus;
  client.memory += sign * needs.memory;
  for (const [name, amount] of Object.entries(needs.resources)) client.resources[name] = (client.resources[name] ?? 0) + sign * amount;
}

/** The client where most bytes of the inputs lie and that could run it; null: none has any. */
function nearest(task: GraphTask): GraphClient | null {
  let best: GraphClient | null = null;
  const { inputs } = task;
  for (let at = 0; at < inputs.length; at++) {
    for (const client of inputs[at]!.holders) {
      // Even an empty object costs a round trip.
      client.weight += inputs[at]!.size + 1_024;
      if (best === null || client.weight > best.weight) best = client;
    }
  }
  if (best === null) return null;
  for (let at = 0; at < inputs.length; at++) for (const client of inputs[at]!.holders) client.weight = 0;
  return best.online && !best.closing && canHold(best, task) ? best : null;
}

/** A client that is away and alone has one of the inputs, or perhaps the task itself; null: there is none. */
export function awayFor(task: GraphTask): GraphClient | null {
  if (task.session.awaited !== null) for (const client of task.session.awaited) return client;
  for (const { holders, constant } of task.inputs)
    if (!constant && holders.length > 0 && holders.every(({ online }) => !online)) return holders[0]!;
  return null;
}

/** It could run there if nothing else did. */
export function canHold({ cores, capacity }: GraphClient, { needs }: GraphTask): boolean {
  if (needs === null) return cores >= 1;
  if (needs.cpus > cores || (capacity.memory !== null && needs.memory > capacity.memory)) return false;
  for (const [name, amount] of Object.entries(needs.resources)) if (amount > (capacity.resources[name] ?? 0)) return false;
  return true;
}
