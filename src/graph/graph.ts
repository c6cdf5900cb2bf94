/**
 * The graph: a state machine without I/O or clocks. `handle` takes what happened, `endTurn` gives out what is ready and answers with what is to be
 * told to whom. The sessions of all connections are in one graph, since they share the clients.
 */
import { MillraceError } from '../base/errors.ts';
import { Board } from './board.ts';
import { checkGraph } from './check.ts';
import type { GraphEvent, GraphTurn } from './effects.ts';
import { type GraphClient, GraphObject, GraphSession, type GraphTask, type objectState, taskState } from './entities.ts';
import { dropCopied, forget } from './forgetting.ts';
import { beginHanding, dropTakes, endHanding, handOver, rescued, took } from './handing.ts';
import type { PastNode } from './node-table.ts';
import { SessionNodes } from './nodes.ts';
import { obstacleOf, place, recallable, recallDue } from './placement.ts';
import { Progress } from './progress.ts';
import { claimObject, claimTask, Replay } from './replay.ts';
import { submit } from './submit.ts';
import { failureError, nodesOf, Waits } from './waits.ts';

export class Graph {
  readonly #board: Board;
  readonly #waits: Waits;
  readonly #progress: Progress;
  #sessions = 0;

  /** `base`: what the numbers of lasting sessions and of all that is theirs begin above. */
  constructor(base: number = 2 ** 40) {
    this.#board = new Board(base);
    this.#waits = new Waits(this.#board);
    this.#progress = new Progress(this.#board, this.#waits);
  }

  /** Sessions that were not closed. */
  get open(): number {
    return this.#board.sessions.size;
  }

  get clients(): Iterable<GraphClient> {
    return this.#board.clients.values();
  }

  openSession(name: string, onFailure: 'fail' | 'continue', lasting = false): GraphSession {
    const session = new GraphSession(lasting ? this.#board.nextLasting() : ++this.#sessions, name, onFailure, lasting, new SessionNodes());
    this.#board.sessions.add(session);
    if (lasting) this.#board.lasting.set(session.n, session);
    return session;
  }

  /** Tells a lasting session anew that was open when its server was lost. `clients`: see `Replay`. */
  replay(n: number, name: string, onFailure: 'fail' | 'continue'): Replay {
    const session = new GraphSession(n, name, onFailure, true, new SessionNodes());
    this.#board.sessions.add(session);
    this.#board.lasting.set(n, session);
    return new Replay(this.#board, this.#progress, session);
  }

  /** Every lasting session was told: clients that none of them awaits are gone, the others are away. */
  replayed(): GraphClient[] {
    this.#board.recorded = [];
    // One that has failed waits for nobody, and was told no more.
    for (const session of this.#board.lasting.values()) if (session.state !== 'open') session.awaited = null;
    const awaited = new Set([...this.#board.lasting.values()].flatMap((session) => [...(session.awaited ?? [])]));
    for (const client of [...this.clients]) if (!awaited.has(client)) this.#left(client);
    return [...awaited];
  }

  /** Tasks of lasting sessions that ended since the last time. */
  takeRecorded(): readonly GraphTask[] {
    const { recorded } = this.#board;
    if (recorded.length > 0) this.#board.recorded = [];
    return recorded;
  }

  /** There are some. */
  get hasRecorded(): boolean {
    return this.#board.recorded.length > 0;
  }

  client(id: string): GraphClient | null {
    return this.#board.clients.get(id) ?? null;
  }

  /** Requests of a session that cannot be granted throw and change nothing. @throws ERR_TASK, ERR_STATE, ERR_NOT_FOUND, ERR_DEPENDENCY, ERR_TASK_FAILED */
  handle(event: GraphEvent, now: number): void {
    switch (event.type) {
      case 'submit':
        live(event.session);
        submit(this.#board, event.session, event.objects, event.tasks, event.sizes);
        return;
      case 'wait':
        live(event.session);
        this.#waits.add(event.session, event.token, event.items, event.some);
        return;
      case 'await-object':
        live(event.session);
        this.#waits.addObject(event.session, event.token, event.object);
        return;
      case 'give-up':
        this.#waits.giveUp(event.token);
        return;
      case 'unkeep':
        this.#unkeep(event.session, event.objects);
        return;
      case 'close':
        this.#close(event.session);
        return;
      case 'client-joined':
        this.#board.roomy.add(this.#board.addClient(event.id, event.capacity));
        return;
      default:
        this.#ofClient(event, now);
    }
  }

  endTurn(now: number): GraphTurn {
    this.#board.now = now;
    dropCopied(this.#board);
    place(this.#board);
    const recall = recallable(this.#board, now);
    if (recall !== null) {
      recall.client.recalling = true;
      this.#board.orders(recall.client).recall = recall.tasks;
    }
    if (this.#board.departures.leaving.size > 0) handOver(this.#board);
    return { ...this.#board.takeTurn(), forgotten: forget(this.#board) };
  }

  /** The server has what it was to take from a client that leaves, or could not get it; false: it is of no use. */
  rescued(client: string, object: GraphObject, has: boolean): boolean {
    return rescued(this.#waits, this.client(client), object, has);
  }

  /** The monotonic time at which a `tick` is due; null: none. */
  wakeAt(): number | null {
    const due = Math.min(recallDue(this.#board) ?? Number.POSITIVE_INFINITY, this.#board.stealAt);
    return Number.isFinite(due) ? due : null;
  }

  /** Why a task has not ended. @throws ERR_NOT_FOUND */
  explain(session: GraphSession, id: number): string {
    const [task] = nodesOf(session, [id]);
    if (task !== undefined && 'past' in task && task.isTask) return 'it has finished';
    if (task === undefined || 'past' in task || task instanceof GraphObject)
      throw new MillraceError('ERR_NOT_FOUND', `the session has no task ${id}`);
    switch (task.state) {
      case taskState.waiting:
        if (task.parked !== null) return `the client ${task.parked.id}, which alone has one of its inputs, is away`;
        return `it waits for ${task.missing} of its ${task.inputs.length} inputs`;
      case taskState.ready:
        return `it is ready, but ${obstacleOf(this.#board, task)}`;
      case taskState.assigned:
        if (task.begun) return `it runs on the client ${task.client!.id}`;
        return task.following
          ? 'its client has it, and makes its input first'
          : `its client ${task.client!.id} has it, and begins it when it can`;
      case taskState.failed:
        return task.failure?.message ?? 'it failed';
      case taskState.removed:
        return 'its session has ended';
      default:
        return 'it has finished';
    }
  }

  /** Verifies every cross-index. */
  check(): void {
    this.#waits.check();
    checkGraph(this.#board);
  }

  #unkeep(session: GraphSession, ids: readonly number[]): void {
    live(session);
    const objects = nodesOf(session, ids).map((node) => {
      const isPast = 'past' in node;
      if (isPast ? node.isTask : !(node instanceof GraphObject)) throw new MillraceError('ERR_TASK', `${node.id} is a task, not an object`);
      if (isPast || !(node instanceof GraphObject) || !node.keep)
        throw new MillraceError('ERR_STATE', `the object '${isPast ? node.text : node.spec[1]}' is not kept`);
      return node;
    });
    for (const object of objects) this.#progress.unkeep(object);
  }

  #close(session: GraphSession): void {
    if (!this.#board.sessions.delete(session)) return;
    if (session.state === 'open') this.#progress.endSession(session, 'closed');
    if (session.lasting) {
      this.#board.lasting.delete(session.n);
      for (const node of session.nodes.values()) if (node instanceof GraphObject) this.#board.lastingObjects.delete(node.n);
    }
    session.nodes.clear();
  }

  #ofClient(event: Exclude<GraphEvent, { session: GraphSession } | { type: 'client-joined' | 'give-up' }>, now: number): void {
    if (event.type === 'tick') return;
    const client = this.client('id' in event ? event.id : event.client);
    if (client === null) return;
    switch (event.type) {
      case 'client-offline':
        client.recalling = false;
        this.#board.setOnline(client, false);
        dropTakes(client);
        return;
      case 'client-resumed':
        this.#resumed(client, event);
        return;
      case 'client-closing':
        client.closing = true;
        this.#board.roomy.delete(client);
        this.#board.shareOut(client);
        beginHanding(this.#board, client);
        return;
      case 'client-left':
        this.#left(client);
        return;
      case 'ended':
        client.lastDone = now;
        for (const end of event.ends) {
          if ('durationMs' in end && end.durationMs !== null) client.mean += (end.durationMs - client.mean) / 8;
          this.#progress.ended(client, end);
        }
        return;
      case 'given-back':
        client.recalling = false;
        for (const run of event.runs) {
          const task = client.runs.get(run);
          if (task !== undefined) this.#progress.back(task, false);
        }
        return;
      case 'begun':
        for (const run of event.runs) {
          const task = client.runs.get(run);
          if (task !== undefined) this.#board.begin(task);
        }
        return;
      case 'took':
        for (const n of event.objects) took(this.#board, this.#waits, client, n, true);
        for (const n of event.failed) took(this.#board, this.#waits, client, n, false);
        return;
      case 'object-lost': {
        const object = client.held.get(event.object);
        if (object !== undefined) this.#progress.lose(client, object);
      }
    }
  }

  /** What it does not list is lost, what nobody knows is dropped. */
  #resumed(client: GraphClient, event: Extract<GraphEvent, { type: 'client-resumed' }>): void {
    const { ends, runs, objects, claims = [], capacity } = event;
    if (capacity !== undefined) client.equip(capacity);
    this.#board.setOnline(client, true);
    const claimed = new Map(claims.map((claim) => [claim[0], claim]));
    for (const end of ends) {
      if (!('lost' in end)) claimTask(this.#board, client, claimed.get(end.run));
      this.#progress.ended(client, end);
    }
    const listed = new Set(runs);
    const orders = this.#board.orders(client);
    for (const run of runs) {
      claimTask(this.#board, client, claimed.get(run));
      if (!client.runs.has(run)) orders.cancel.push(run);
    }
    for (const task of [...client.runs.values()]) if (!listed.has(task.run)) this.#progress.back(task, false);
    const held = new Set(objects);
    const known = new Set(client.held.keys());
    for (const n of objects) if (!known.has(n) && !claimObject(this.#board, client, n)) orders.drop.push(n);
    for (const object of [...client.held.values()]) if (!held.has(object.n)) this.#progress.lose(client, object);
    this.#board.unpark(client);
    for (const object of client.held.values()) this.#waits.readable(object);
  }

  #left(client: GraphClient): void {
    endHanding(this.#board, client);
    this.#board.removeClient(client);
    this.#board.shareOut(client);
    for (const task of [...client.runs.values()]) if (client.runs.has(task.run)) this.#progress.back(task, !task.following);
    for (const object of [...client.held.values()]) this.#progress.lose(client, object);
    this.#board.unpark(client);
    for (const session of this.#board.sessions) session.clients.delete(client);
  }
}

function live(session: GraphSession): void {
  if (session.state === 'failed') throw failureError(session.failure!);
  if (session.state === 'closed') throw new MillraceError('ERR_ENDED', 'the session is closed');
}

/** The state of a node, in the words of the protocol. */
export function stateOf(
  node: GraphTask | GraphObject | PastNode,
): 'waiting' | 'ready' | 'assigned' | 'running' | 'finished' | 'failed' | 'removed' | 'unfinished' {
  if ('past' in node) return node.isTask ? 'finished' : 'removed';
  if (node instanceof GraphObject) {
    const names = ['unfinished', 'finished', 'removed', 'failed'] as const;
    return names[node.state satisfies (typeof objectState)[keyof typeof objectState]];
  }
  if (node.state === taskState.assigned && node.begun) return 'running';
  return (['waiting', 'ready', 'assigned', 'finished', 'failed', 'removed'] as const)[node.state];
}
