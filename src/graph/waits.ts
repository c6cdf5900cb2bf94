/** Who waits for what: for tasks and objects to end, for all tasks of a session, or for an object to be readable. Each is answered once. */
import { MillraceError } from '../base/errors.ts';
import type { Board } from './board.ts';
import { type Failure, GraphObject, type GraphSession, type GraphTask, objectState, taskState, type Waiter } from './entities.ts';
import type { PastNode } from './node-table.ts';

type LiveNode = GraphTask | GraphObject;
type Node = LiveNode | PastNode;

function hasEnded(node: Node): boolean {
  if ('past' in node) return true;
  return node instanceof GraphObject ? node.state !== objectState.unfinished : node.state >= taskState.finished;
}

/** It is finished, and nobody who is there has it: it comes back, or is made again. */
function isAway({ constant, rescued, state, holders }: GraphObject): boolean {
  return !constant && !rescued && state === objectState.finished && holders.every(({ online }) => !online);
}

/** The error that every access to a failed session, or to a failed node, ends with. */
export function failureError(failure: Failure): MillraceError {
  const { type, name, message } = failure;
  return new MillraceError('ERR_TASK_FAILED', `the task '${name ?? type}' failed: ${message}`, { details: { failure: { ...failure } } });
}

/** Why a node that has ended gave nothing; null: it did. */
function failureOf(node: Node): Failure | null {
  if ('past' in node) return null;
  return node instanceof GraphObject ? (node.state === objectState.failed ? (node.producer?.failure ?? null) : null) : node.failure;
}

/** The nodes by number. @throws ERR_NOT_FOUND */
export function nodesOf(session: GraphSession, ids: readonly number[]): Node[] {
  return ids.map((id) => {
    const node = session.nodes.find(id);
    if (node === undefined) throw new MillraceError('ERR_NOT_FOUND', `the session has no submitted task or object ${id}`);
    return node;
  });
}

export class Waits {
  readonly #board: Board;
  readonly #byToken: Map<number, Waiter> = new Map();

  constructor(board: Board) {
    this.#board = board;
  }

  get size(): number {
    return this.#byToken.size;
  }

  /** @throws ERR_NOT_FOUND */
  add(session: GraphSession, token: number, ids: readonly number[], some: boolean): void {
    const items = nodesOf(session, ids);
    const all = items.length === 0;
    const open = items.filter((node): node is LiveNode => !hasEnded(node));
    const waiter: Waiter = { token, session, left: all ? Number.POSITIVE_INFINITY : open.length, some, items };
    if (all ? session.unfinished === 0 : open.length === 0 || (some && open.length < items.length)) {
      this.#answer(waiter);
      return;
    }
    this.#byToken.set(token, waiter);
    session.waiters.add(waiter);
    if (all) session.allWaiters.add(waiter);
    for (const node of open) {
      node.waiters ??= [];
      node.waiters.push(waiter);
    }
  }

  /** Until it can be read. @throws ERR_NOT_FOUND, ERR_STATE */
  addObject(session: GraphSession, token: number, id: number): void {
    const [object] = nodesOf(session, [id]);
    if (object !== undefined && 'past' in object && !object.isTask) throw notKept(object.text);
    if (!(object instanceof GraphObject)) throw new MillraceError('ERR_TASK', `${id} is a task, not an object`);
    if (!object.keep && !object.constant) throw notKept(object.spec[1]);
    if (isAway(object)) {
      const waiter: Waiter = { token, session, left: 1, some: false, items: [object] };
      this.#byToken.set(token, waiter);
      session.waiters.add(waiter);
      object.waiters ??= [];
      object.waiters.push(waiter);
      return;
    }
    this.add(session, token, [id], false);
  }

  /** It is there again. */
  readable(object: GraphObject): void {
    if (object.waiters !== null && object.state === objectState.finished) this.ended(object);
  }

  giveUp(token: number): void {
    const waiter = this.#byToken.get(token);
    if (waiter !== undefined) this.#forget(waiter);
  }

  /** A task or an object has ended. */
  ended(node: LiveNode): void {
    const { waiters } = node;
    if (waiters === null) return;
    node.waiters = null;
    for (const waiter of waiters) {
      if (!this.#byToken.has(waiter.token)) continue;
      waiter.left--;
      if (waiter.left > 0 && !waiter.some) continue;
      this.#forget(waiter);
      this.#answer(waiter);
    }
  }

  /** No task of the session is unfinished. */
  allEnded(session: GraphSession): void {
    for (const waiter of session.allWaiters) {
      this.#forget(waiter);
      this.#answer(waiter);
    }
  }

  /** The session has failed, or is closed. */
  refuse(session: GraphSession, error: MillraceError): void {
    for (const waiter of session.waiters) {
      this.#forget(waiter);
      this.#board.answers.push({ token: waiter.token, error });
    }
  }

  check(): void {
    for (const [token, { session, left, items }] of this.#byToken) {
      const waiting = [...session.waiters].some((waiter) => waiter.token === token);
      if (!waiting) throw new Error(`a waiter ${token} is not known to its session`);
      const open = items.filter((node) => !hasEnded(node)).length;
      if (items.length > 0 && open === 0 && left > 0 && !items.some((node) => node instanceof GraphObject && isAway(node)))
        throw new Error(`a waiter ${token} waits for what has ended`);
    }
  }

  #answer({ token, session, items }: Waiter): void {
    const ended = items.filter(hasEnded);
    const failure = items.length === 0 ? firstFailure(session) : (ended.map(failureOf).find((found) => found !== null) ?? null);
    if (failure !== null) this.#board.answers.push({ token, error: failureError(failure) });
    else this.#board.answers.push({ token, finished: ended.map(({ id }) => id) });
  }

  #forget(waiter: Waiter): void {
    this.#byToken.delete(waiter.token);
    waiter.session.waiters.delete(waiter);
    waiter.session.allWaiters.delete(waiter);
  }
}

function notKept(label: string): MillraceError {
  return new MillraceError('ERR_STATE', `the object '${label}' is not kept: keep it before it is submitted`);
}

function firstFailure(session: GraphSession): Failure | null {
  return session.failed > 0 ? session.failure : null;
}
