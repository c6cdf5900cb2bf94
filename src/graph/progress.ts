/**
 * How nodes end and come back: outputs that were made, tasks that failed, objects that nobody needs any more, and what a lost client takes with it.
 * What is lost and still needed is made again from its inputs, as far back as they are gone too; constants are with the server.
 */
import { MillraceError } from '../base/errors.ts';
import { awayFor, type Board } from './board.ts';
import type { OutputMade, RunEnd } from './effects.ts';
import { type Failure, type GraphClient, GraphObject, type GraphSession, type GraphTask, objectState, taskState } from './entities.ts';
import { failureError, type Waits } from './waits.ts';

/** A task that so many clients were lost under, or whose inputs could not be had so often, fails. */
const mostLosses = 5;

export class Progress {
  readonly #board: Board;
  readonly #waits: Waits;

  constructor(board: Board, waits: Waits) {
    this.#board = board;
    this.#waits = waits;
  }

  /** A run ended; perhaps one that nobody wants any more. */
  ended(client: GraphClient, end: RunEnd): void {
    const task = client.runs.get(end.run);
    if (task === undefined || !('outputs' in end)) this.#board.orders(client).refused.push(end.run);
    if (task === undefined) return;
    if ('lost' in end) {
      this.back(task, awayFor(task) === null);
      return;
    }
    task.startedAt = end.startedAt;
    task.durationMs = end.durationMs;
    task.ranOn = client.id;
    this.#board.unassign(task);
    if ('failure' in end) this.fail(task, { ...describe(task), ...end.failure });
    else this.#finish(task, client, end.outputs, end.info, end.debug);
  }

  /** It has not run, or not to its end: again. Those that were sent ahead of it come back with it. */
  back(task: GraphTask, charged: boolean): void {
    const stack = [task];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { client } = next;
      if (client === null) continue;
      this.#board.unassign(next);
      for (const { consumers } of next.outputs) {
        for (const consumer of consumers) {
          if (!consumer.following || consumer.client !== client) continue;
          this.#board.orders(client).cancel.push(consumer.run);
          stack.push(consumer);
        }
      }
      if (next === task && charged && ++task.losses >= mostLosses) this.fail(task, { ...describe(task), ...lostTooOften });
      else if (next.missing === 0) this.#board.makeReady(next);
    }
  }

  /** In a session of the strict kind everything ends with it; else what depends on it. */
  fail(task: GraphTask, failure: Failure): void {
    const { session } = task;
    session.failure ??= failure;
    if (session.lasting) this.#board.recorded.push(task);
    if (session.onFailure === 'fail') {
      this.#endTask(task, taskState.failed, failure);
      session.failed++;
      this.endSession(session, 'failed');
      this.#board.failed.push(session);
      return;
    }
    const stack = [task];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next.ended) continue;
      session.failed++;
      this.#endTask(next, taskState.failed, next === task ? failure : { ...failure });
      for (const object of next.outputs) {
        if (object.state === objectState.unfinished) {
          object.state = objectState.failed;
          this.#waits.ended(object);
        }
        for (const consumer of object.consumers) if (!consumer.ended) stack.push(consumer);
      }
      for (const object of next.inputs) this.#consumed(object);
    }
    this.#settle(session);
  }

  /** Nothing of it goes on. Its nodes stay known until it is closed. */
  endSession(session: GraphSession, state: 'failed' | 'closed'): void {
    session.state = state;
    const error = session.failure === null ? new MillraceError('ERR_ENDED', 'the session is closed') : failureError(session.failure);
    this.#waits.refuse(session, error);
    for (const node of session.nodes.values()) {
      if (node instanceof GraphObject) {
        this.#board.dropCopies(node);
        if (node.state !== objectState.failed) node.state = objectState.removed;
        node.waiters = null;
      } else {
        if (!node.ended) this.#endTask(node, taskState.removed, null);
        node.waiters = null;
      }
    }
    session.objects = 0;
    session.bytes = 0;
    for (const client of session.clients) this.#board.orders(client).forget.push(session.n);
    session.clients.clear();
  }

  unkeep(object: GraphObject): void {
    object.keep = false;
    if (object.state === objectState.finished && !object.needed) this.#release(object);
  }

  /** A client has this no more. */
  lose(client: GraphClient, object: GraphObject): void {
    if (!client.held.has(object.n)) return;
    this.#board.unhold(client, object);
    if (object.holders.length > 0 || object.constant || object.rescued || object.state !== objectState.finished) return;
    const { session } = object;
    session.objects--;
    session.bytes -= object.size;
    object.state = objectState.removed;
    if (object.needed) this.revive(object);
    else this.#waits.ended(object);
  }

  #finish(task: GraphTask, client: GraphClient, outputs: readonly OutputMade[], info: GraphTask['info'], debug: string): void {
    const { session } = task;
    task.state = taskState.finished;
    task.info = info;
    task.debug = debug;
    if (session.lasting) this.#board.recorded.push(task);
    session.unfinished--;
    session.finished++;
    for (let at = 0; at < task.inputs.length; at++) this.#read(task.inputs[at]!, client);
    for (let at = 0; at < task.outputs.length; at++) this.#made(task.outputs[at]!, client, outputs[at]!);
    this.#waits.ended(task);
    if (!session.lasting) this.#board.settled.push(task);
    this.#settle(session);
  }

  /** By a task that has finished there: the client has a copy now, wherever it came from. One that nobody else needs goes from there as from the others. */
  #read(object: GraphObject, client: GraphClient): void {
    const isThere = object.state === objectState.finished;
    if (isThere && (object.keep || object.pending > 1)) this.#board.hold(client, object);
    else if (!client.held.has(object.n)) this.#board.orders(client).drop.push(object.n);
    this.#consumed(object);
  }

  #made(object: GraphObject, client: GraphClient, output: OutputMade): void {
    const { session } = object;
    if (object.state !== objectState.unfinished) {
      // Made again together with one that was lost.
      if (object.state === objectState.finished && object.needed) this.#board.hold(client, object);
      else this.#board.orders(client).drop.push(object.n);
      return;
    }
    object.state = objectState.finished;
    object.size = output[0];
    object.contentType = output[1];
    object.info = output[2];
    session.objects++;
    session.bytes += object.size;
    this.#board.hold(client, object);
    client.handing?.left.push(object);
    for (let at = 0; at < object.consumers.length; at++) {
      const consumer = object.consumers[at]!;
      if (consumer.ended) continue;
      consumer.missing--;
      if (consumer.missing > 0) continue;
      if (consumer.following) this.#board.activate(consumer);
      else if (consumer.state === taskState.waiting) this.#board.makeReady(consumer);
    }
    this.#waits.ended(object);
    if (!object.needed) this.#release(object);
  }

  #consumed(object: GraphObject): void {
    object.pending--;
    if (object.pending > 0 || object.state !== objectState.finished) return;
    if (!object.needed) this.#release(object);
    else if (object.holders.length > 1 && !object.constant) this.#board.copied.push(object);
  }

  #release(object: GraphObject): void {
    this.#board.dropCopies(object);
    if (object.constant) return;
    object.state = objectState.removed;
    object.session.objects--;
    object.session.bytes -= object.size;
    this.#waits.ended(object);
    if (!object.session.lasting) this.#board.settled.push(object.producer!);
  }

  #endTask(task: GraphTask, state: typeof taskState.failed | typeof taskState.removed, failure: Failure | null): void {
    const { client, run } = task;
    if (client !== null) {
      this.#board.unassign(task);
      this.#board.orders(client).cancel.push(run);
    } else if (task.state === taskState.ready) this.#board.unready(task);
    task.state = state;
    task.failure = failure;
    if (state === taskState.failed && !task.session.lasting) this.#board.gaveUp.push(task);
    task.session.unfinished--;
    this.#waits.ended(task);
  }

  #settle(session: GraphSession): void {
    if (session.unfinished === 0) this.#waits.allEnded(session);
  }

  /** The task that makes it runs again, and before it those that make what is gone of its inputs. */
  revive(lost: GraphObject): void {
    const stack = [lost];
    for (let object = stack.pop(); object !== undefined; object = stack.pop()) {
      if (object.state !== objectState.removed) continue;
      object.state = objectState.unfinished;
      for (const consumer of object.consumers) {
        if (consumer.ended) continue;
        consumer.missing++;
        if (consumer.state === taskState.ready) this.#board.unready(consumer);
        consumer.parked = null;
      }
      const producer = object.producer!;
      if (producer.state === taskState.finished) this.#again(producer, stack);
    }
  }

  #again(task: GraphTask, stack: GraphObject[]): void {
    const { session } = task;
    task.state = taskState.waiting;
    task.missing = 0;
    session.unfinished++;
    session.finished--;
    session.recomputed++;
    let gone = false;
    const failed = task.inputs.find(({ state }) => state === objectState.failed);
    for (const object of task.inputs) {
      object.pending++;
      if (object.state === objectState.unfinished) task.missing++;
      else if (object.state === objectState.removed) {
        gone = true;
        stack.push(object);
      }
    }
    if (failed !== undefined) this.fail(task, { ...failed.producer!.failure! });
    else if (task.missing === 0 && !gone) this.#board.makeReady(task);
  }
}

function describe(task: GraphTask): Pick<Failure, 'task' | 'type' | 'name'> {
  return { task: task.id, type: task.spec[1], name: task.spec[5]?.name ?? null };
}

const lostTooOften = {
  code: 'ERR_TASK_FAILED',
  message: `its client was lost, or its inputs could not be had, ${mostLosses} times`,
  debug: '',
  stderr: '',
};
