/**
 * Lets go of tasks that nobody will ever need again: they have finished, what they made is gone, and no task that read it may run again. While an object is
 * there, all that it was made from stays known, since it is made again when its client is lost.
 */
import type { Board } from './board.ts';
import { type GraphObject, type GraphTask, objectState, taskState } from './entities.ts';

/** A list of consumers of so many is looked through for those that are past, once they are the most of it. */
const longList = 16;

/** What was settled since the last time. Answers with the objects that were let go with their tasks. */
export function forget(board: Board): GraphObject[] {
  const stack = board.settled;
  if (stack.length > 0) board.settled = [];
  const { gaveUp } = board;
  if (gaveUp.length > 0) board.gaveUp = [];
  for (const task of gaveUp) letInputsGo(task, stack);
  const forgotten: GraphObject[] = [];
  for (let task = stack.pop(); task !== undefined; task = stack.pop()) {
    if (!isPast(task)) continue;
    const { nodes } = task.session;
    for (let at = 0; at < task.outputs.length; at++) {
      nodes.forget(task.outputs[at]!);
      forgotten.push(task.outputs[at]!);
    }
    nodes.forget(task);
    letInputsGo(task, stack);
  }
  return forgotten;
}

/** Kept objects that no task waits for stay where they were made: else the copies that went to tasks would fill memories, then disks. */
export function dropCopied(board: Board): void {
  if (board.copied.length === 0) return;
  for (const object of board.copied) {
    if (object.pending > 0 || object.state !== objectState.finished) continue;
    const maker = object.holders.find(({ id, online, closing }) => id === object.producer!.ranOn && online && !closing);
    for (const client of maker === undefined ? [] : [...object.holders]) {
      if (client === maker) continue;
      board.unhold(client, object);
      board.orders(client).drop.push(object.n);
    }
  }
  board.copied = [];
}

/** Nothing can make it run again. */
export function isPast(task: GraphTask): boolean {
  const { session, state, outputs } = task;
  if (state !== taskState.finished || session.lasting || session.state !== 'open' || session.nodes.get(task.id) !== task) return false;
  for (let at = 0; at < outputs.length; at++) {
    const object = outputs[at]!;
    if (object.state !== objectState.removed || object.needed || object.retained > 0) return false;
  }
  return true;
}

/** It may run, perhaps again. */
export function mayRun(task: GraphTask): boolean {
  return !task.ended || (task.state === taskState.finished && task.session.nodes.get(task.id) === task);
}

function letInputsGo({ inputs }: GraphTask, stack: GraphTask[]): void {
  for (let at = 0; at < inputs.length; at++) {
    const object = inputs[at]!;
    object.retained--;
    if (object.constant) continue;
    if (object.retained === 0) stack.push(object.producer!);
    if (object.consumers.length > longList && 2 * object.retained < object.consumers.length)
      object.consumers = object.consumers.filter(mayRun);
  }
}
