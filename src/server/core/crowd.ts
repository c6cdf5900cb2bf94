/**
 * The clients by what they can get: who has credit, least loaded first; who has free slots for which there was nothing; who has more than it can
 * begin. Kept by the clients that moved, so that a turn costs nothing for those that did not: a thousand clients that were all looked at in each turn
 * cost a third of it.
 *
 * Clients of one *queue* can hold the same tasks (equal capacity, nobody's end in sight) and may both or neither have tasks that share limits beyond
 * free slots. So what the first of a queue cannot get, no other of it can.
 */
import { type CoreClient, isIdle, isLoaded, roomOf } from './entities.ts';
import { Heap } from './heap.ts';

export interface ClientQueue {
  readonly heap: Heap<CoreClient>;
  /** Its clients have no slot free and hold as many tasks that share limits as they may. */
  readonly plain: boolean;
  /** There is nothing for it now. */
  barred: boolean;
}

/** Queues that are empty are kept up to this number. */
const mostQueues = 64;

export class Crowd {
  /** Clients of which something has changed since they were last placed. */
  #moved: CoreClient[] = [];
  readonly #queues: Map<string, ClientQueue> = new Map();
  readonly #plainQueues: Map<string, ClientQueue> = new Map();
  readonly #loaded: Set<CoreClient> = new Set();
  #hungry = 0;
  #room = 0;
  #idle = 0;

  /** Clients with credit. */
  get hungry(): number {
    return this.#hungry;
  }

  /** Clients with free slots and credit, and the tasks that could begin there. */
  get idle(): number {
    return this.#idle;
  }

  get room(): number {
    return this.#room;
  }

  /** Clients that hold tasks which they have not begun, as far as is known, and have no free slot. */
  get loaded(): ReadonlySet<CoreClient> {
    return this.#loaded;
  }

  /** Something of it has changed: it will be placed anew. */
  moved(client: CoreClient): void {
    if (client.moved) return;
    client.moved = true;
    this.#moved.push(client);
  }

  /** Place all that moved. `spare`: how many more tasks that share limits it may hold beyond its free slots; `placed` is told of each. */
  settle(spare: (client: CoreClient) => number, placed: (client: CoreClient) => void): void {
    const moved = this.#moved;
    if (moved.length === 0) return;
    this.#moved = [];
    for (const client of moved) {
      client.moved = false;
      this.#count(client);
      this.place(client, spare(client));
      placed(client);
    }
  }

  /** Into its queue, or out of it. */
  place(client: CoreClient, spare: number): void {
    if (client.credit <= 0) {
      this.#leave(client);
      return;
    }
    const queue = this.#queueOf(client, client.free <= 0 && spare <= 0);
    if (client.queue !== queue.heap) this.#leave(client);
    client.share = client.free / client.capacity.slots;
    client.load = client.leased;
    if (client.queue !== null) {
      queue.heap.moved(client);
      return;
    }
    client.queue = queue.heap;
    queue.heap.push(client);
    this.#hungry++;
  }

  /** Take the least loaded client out of the queues that are not barred; `free`: only one with free slots. Null: there is none. */
  next(free: boolean): readonly [CoreClient, ClientQueue] | null {
    let best: CoreClient | null = null;
    let from: ClientQueue | null = null;
    for (const queues of [this.#queues, this.#plainQueues]) {
      for (const queue of queues.values()) {
        const { first } = queue.heap;
        if (queue.barred || first === undefined || (free && first.share <= 0)) continue;
        if (best !== null && !goesBefore(first, best)) continue;
        best = first;
        from = queue;
      }
    }
    if (best === null || from === null) return null;
    this.#leave(best);
    return [best, from];
  }

  /** Clients in queues that are not barred. */
  get waiting(): number {
    let waiting = 0;
    for (const queue of this.#queues.values()) if (!queue.barred) waiting += queue.heap.size;
    for (const queue of this.#plainQueues.values()) if (!queue.barred) waiting += queue.heap.size;
    return waiting;
  }

  /** There may be something for every queue again. */
  unbar(): void {
    for (const queue of this.#queues.values()) queue.barred = false;
    for (const queue of this.#plainQueues.values()) queue.barred = false;
  }

  /** Of each queue the one with most free slots, if it has any. */
  *idlest(): Iterable<CoreClient> {
    for (const { heap } of this.#queues.values()) if (heap.first !== undefined && isIdle(heap.first)) yield heap.first;
  }

  /** What is wrong with it; for tests. */
  *problems(clients: Iterable<CoreClient>): Iterable<string> {
    let hungry = 0;
    let room = 0;
    let idle = 0;
    for (const client of clients) {
      if (client.queue !== null) hungry++;
      room += client.room;
      if (client.room > 0) idle++;
      if (client.moved) continue;
      if (client.queue === null ? client.credit > 0 : client.credit <= 0 || !client.queue.has(client))
        yield `client ${client.id} with credit ${client.credit} is in the wrong queue`;
      if (client.room !== roomOf(client) || this.#loaded.has(client) !== isLoaded(client))
        yield `client ${client.id} counts with room ${client.room}, or as loaded, when it is not`;
    }
    const settled = this.#moved.length === 0;
    if (settled && (hungry !== this.#hungry || room !== this.#room || idle !== this.#idle))
      yield `${this.#hungry} clients are counted as hungry, ${this.#idle} with room for ${this.#room}, but it are ${hungry}, ${idle}, ${room}`;
  }

  #count(client: CoreClient): void {
    const room = roomOf(client);
    this.#room += room - client.room;
    this.#idle += (room > 0 ? 1 : 0) - (client.room > 0 ? 1 : 0);
    client.room = room;
    if (isLoaded(client)) this.#loaded.add(client);
    else this.#loaded.delete(client);
  }

  #leave(client: CoreClient): void {
    if (client.queue === null) return;
    client.queue.remove(client);
    client.queue = null;
    this.#hungry--;
  }

  #queueOf(client: CoreClient, plain: boolean): ClientQueue {
    const queues = plain ? this.#plainQueues : this.#queues;
    let queue = queues.get(client.kind);
    if (queue === undefined) {
      if (queues.size >= mostQueues) for (const [kind, { heap }] of queues) if (heap.size === 0) queues.delete(kind);
      queue = { heap: new Heap(goesBefore), plain, barred: false };
      queues.set(client.kind, queue);
    }
    return queue;
  }
}

/** Least loaded first: on an idle server the next task goes to the client that has least to do. */
function goesBefore(a: CoreClient, b: CoreClient): boolean {
  if (a.share !== b.share) return a.share > b.share;
  if (a.load !== b.load) return a.load < b.load;
  return a.n < b.n;
}
