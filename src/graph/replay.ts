/**
 * Lasting sessions after a restart of their server: what was recorded of them is told anew, in the same order, to a graph without clients; what clients
 * that come back still hold and run is taken over.
 *
 * What was at work when the server was lost is not recorded: until the clients that worked for the session have come back, or were given up, nothing of it is
 * given out, so that nothing runs twice because of a restart.
 */
import type { Board } from './board.ts';
import type { Claim, OutputMade } from './effects.ts';
import {
  type Failure,
  type GraphClient,
  GraphObject,
  type GraphSession,
  GraphTask,
  type ObjectSpec,
  type Opaque,
  objectState,
  type TaskSpec,
  taskState,
} from './entities.ts';
import type { Progress } from './progress.ts';
import { submit } from './submit.ts';

/** A task that ended well, or failed. */
export type RecordedEnd =
  | readonly [
      task: number,
      client: string,
      outputs: readonly OutputMade[],
      info: Opaque | null,
      debug: string,
      startedAt: number,
      durationMs: number,
    ]
  | readonly [task: number, failure: Failure];

/** What is recorded of a lasting session. */
export type GraphRecord =
  /** `first`: the number of the first object; the others follow. */
  | readonly ['submit', first: number, objects: readonly ObjectSpec[], tasks: readonly TaskSpec[]]
  | readonly ['ends', ends: readonly RecordedEnd[]]
  | readonly ['unkeep', objects: readonly number[]]
  /** Clients that may be given something of it, and those that are gone for good. */
  | readonly ['joined', clients: readonly string[]]
  | readonly ['left', client: string]
  /** Who has a copy of what a client had that leaves: it was not made there, so no end tells it. */
  | readonly ['holds', client: string, objects: readonly number[]];

/** It stands for a client of which only the name is known. */
const unknownCapacity = { slots: 0, cores: null, memory: null, resources: {} };

export function recordOf(task: GraphTask): RecordedEnd {
  if (task.failure !== null) return [task.id, task.failure];
  const outputs = task.outputs.map(({ size, contentType, info }): OutputMade => [size, contentType, info]);
  return [task.id, task.ranOn!, outputs, task.info, task.debug, task.startedAt ?? 0, task.durationMs ?? 0];
}

export class Replay {
  readonly session: GraphSession;
  readonly #board: Board;
  readonly #progress: Progress;
  #runs = 0;

  constructor(board: Board, progress: Progress, session: GraphSession) {
    this.#board = board;
    this.#progress = progress;
    this.session = session;
  }

  /** `sizes`: of constants whose bytes came before. */
  tell(record: GraphRecord, sizes: ReadonlyMap<number, number>): void {
    const { session } = this;
    if (session.state !== 'open') return;
    switch (record[0]) {
      case 'submit':
        submit(this.#board, session, record[2], record[3], sizes, { first: record[1], revive: (object) => this.#progress.revive(object) });
        return;
      case 'ends':
        for (const end of record[1]) this.#end(end);
        return;
      case 'unkeep':
        for (const id of record[1]) {
          const object = session.nodes.get(id);
          if (object instanceof GraphObject && object.keep) this.#progress.unkeep(object);
        }
        return;
      case 'joined':
        session.awaited ??= new Set();
        for (const id of record[1]) session.awaited.add(this.#client(id));
        return;
      case 'left':
        session.awaited?.delete(this.#client(record[1]));
        if (session.awaited?.size === 0) session.awaited = null;
        return;
      case 'holds':
        for (const id of record[2]) {
          const object = session.nodes.get(id);
          if (object instanceof GraphObject) this.#hold(this.#client(record[1]), object);
        }
    }
  }

  #end(end: RecordedEnd): void {
    const task = this.session.nodes.get(end[0]);
    if (!(task instanceof GraphTask)) return;
    if (end.length === 2) {
      if (!task.ended) this.#progress.fail(task, end[1]);
      return;
    }
    const [, id, outputs, info, debug, startedAt, durationMs] = end;
    const client = this.#client(id);
    if (task.state === taskState.finished) {
      // Made again after a loss, of which nothing is recorded: there is a copy.
      for (const object of task.outputs) this.#hold(client, object);
      return;
    }
    if (task.ended || task.missing > 0) return;
    // Numbers that no run has.
    const run = -++this.#runs;
    this.#board.adopt(task, client, run);
    this.#progress.ended(client, { run, outputs, info, debug, startedAt, durationMs });
  }

  #hold(client: GraphClient, object: GraphObject): void {
    if (object.state === objectState.finished && object.needed) this.#board.hold(client, object);
  }

  #client(id: string): GraphClient {
    const known = this.#board.clients.get(id);
    if (known !== undefined) return known;
    const client = this.#board.addClient(id, unknownCapacity);
    this.#board.setOnline(client, false);
    return client;
  }
}

/** A client says that it has this task: it does, unless that has ended, is another's, or lacks an input that is not made there either. */
export function claimTask(board: Board, client: GraphClient, claim: Claim | undefined): void {
  if (claim === undefined || client.runs.has(claim[0])) return;
  const session = board.lasting.get(claim[1]);
  const task = session?.nodes.get(claim[2]);
  if (session?.state !== 'open' || !(task instanceof GraphTask)) return;
  if (task.state !== taskState.waiting && task.state !== taskState.ready) return;
  const here = task.inputs.every(({ state, producer }) => state !== objectState.unfinished || producer!.client === client);
  if (here) board.adopt(task, client, claim[0], task.missing > 0);
}

/** A client says that it has an object that it is not known to have: false: it is of no use. */
export function claimObject(board: Board, client: GraphClient, n: number): boolean {
  const object = board.lastingObjects.get(n);
  if (object === undefined || object.session.state !== 'open' || object.state !== objectState.finished || !object.needed) return false;
  board.hold(client, object);
  return true;
}
