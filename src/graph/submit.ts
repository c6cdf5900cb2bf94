/**
 * A submission: looked through as a whole first, so that one which is refused leaves nothing behind; then its nodes are linked. Lists are walked by their places:
 * until V8 has compiled what does so, and of 10,000 tasks that is half of the time, walking one or taking it apart by names costs four times as much.
 */
import { MillraceError } from '../base/errors.ts';
import type { Board } from './board.ts';
import {
  GraphObject,
  type GraphSession,
  GraphTask,
  type ObjectSpec,
  objectState,
  type TaskMore,
  type TaskSpec,
  taskState,
} from './entities.ts';
import { none } from './lists.ts';
import type { Needs } from './needs.ts';

/**
 * `sizes`: of constants whose bytes came before. `again`: it was accepted before, with this as the number of its first object, and is told anew; inputs that
 * were made again then are made again now. @throws ERR_TASK, ERR_STATE
 */
export function submit(
  board: Board,
  session: GraphSession,
  objects: readonly ObjectSpec[],
  specs: readonly TaskSpec[],
  sizes: ReadonlyMap<number, number>,
  again: { readonly first: number; readonly revive: (object: GraphObject) => void } | null = null,
): void {
  const made = new Map<number, GraphObject>();
  const fresh = objects.map((spec) => {
    const id = spec[0];
    if (session.nodes.has(id) || made.has(id)) throw wrong(`the number ${id} is used twice`);
    if (spec[4] === true && !sizes.has(id)) throw wrong(`the bytes of the object ${named(id, spec[1])} were not put before`);
    const object = new GraphObject(again === null ? board.nextObject(session) : again.first + made.size, session, spec);
    made.set(id, object);
    return object;
  });
  const tasks = linked(board, session, specs, made, again !== null);
  for (let at = 0; at < fresh.length; at++) {
    const object = fresh[at]!;
    if (object.producer === null && !object.constant)
      throw wrong(`the object ${named(object.id, object.spec[1])} has neither a value nor a task that makes it`);
  }
  const ordered = inOrder(tasks);
  for (let at = 0; at < fresh.length; at++) enter(board, fresh[at]!, sizes);
  for (let at = 0; at < ordered.length; at++) register(session, ordered[at]!);
  for (let at = ordered.length - 1; at >= 0; at--) deepen(ordered[at]!);
  if (again !== null)
    for (const { inputs } of ordered) for (const object of inputs) if (object.state === objectState.removed) again.revive(object);
  for (let at = 0; at < ordered.length; at++) if (ordered[at]!.missing === 0) board.makeReady(ordered[at]!);
}

function linked(
  board: Board,
  session: GraphSession,
  specs: readonly TaskSpec[],
  made: ReadonlyMap<number, GraphObject>,
  mayBeGone: boolean,
): GraphTask[] {
  const ids = new Set<number>();
  return specs.map((spec) => {
    const id = spec[0];
    if (session.nodes.has(id) || made.has(id) || ids.has(id)) throw wrong(`the number ${id} is used twice`);
    ids.add(id);
    const inputs = inputsOf(session, spec, made, mayBeGone);
    const outputs = outputsOf(spec, made);
    const task = new GraphTask(session, spec, { inputs, outputs, needs: needsOf(spec[5]), order: board.nextOrder() });
    for (let at = 0; at < outputs.length; at++) outputs[at]!.producer = task;
    return task;
  });
}

function inputsOf(
  session: GraphSession,
  spec: TaskSpec,
  made: ReadonlyMap<number, GraphObject>,
  mayBeGone: boolean,
): readonly GraphObject[] {
  const pairs = spec[3];
  if (pairs.length === 0) return none;
  const inputs = new Array<GraphObject>(pairs.length / 2);
  for (let at = 0; at < inputs.length; at++) {
    const input = pairs[2 * at] as number;
    const object = made.get(input) ?? session.nodes.find(input);
    if (object !== undefined && 'past' in object && !object.isTask) throw wasRemoved(object.id, object.text);
    if (!(object instanceof GraphObject)) throw wrong(`the task ${named(spec[0], spec[1])} has an unknown input ${input}`);
    if (object.state === objectState.removed && !mayBeGone) throw wasRemoved(object.id, object.spec[1]);
    if (object.state === objectState.failed)
      throw new MillraceError('ERR_DEPENDENCY', `the object ${named(object.id, object.spec[1])} was never made: its task failed`);
    inputs[at] = object;
  }
  return inputs;
}

function outputsOf(spec: TaskSpec, made: ReadonlyMap<number, GraphObject>): readonly GraphObject[] {
  const results = spec[4];
  if (results.length === 0) return none;
  const outputs = new Array<GraphObject>(results.length);
  for (let at = 0; at < results.length; at++) {
    const result = results[at]!;
    const object = made.get(result);
    if (object === undefined) throw wrong(`the task ${named(spec[0], spec[1])} has an output ${result} that was not submitted with it`);
    if (object.constant) throw wrong(`the object ${named(result, object.spec[1])} has a value: no task can make it`);
    if (object.producer !== null) throw wrong(`two tasks make the object ${named(result, object.spec[1])}`);
    outputs[at] = object;
  }
  return outputs;
}

/** Parents before children. @throws ERR_TASK for a cycle */
function inOrder(tasks: readonly GraphTask[]): readonly GraphTask[] {
  // As programs make them, since they need an object before they can read it.
  if (isInOrder(tasks)) return tasks;
  const open = new Map<GraphTask, number>();
  const children = new Map<GraphTask, GraphTask[]>();
  for (const task of tasks) open.set(task, 0);
  for (const task of tasks) {
    for (const { producer } of task.inputs) {
      if (producer === null || !open.has(producer)) continue;
      open.set(task, open.get(task)! + 1);
      const list = children.get(producer);
      if (list === undefined) children.set(producer, [task]);
      else list.push(task);
    }
  }
  const ordered = tasks.filter((task) => open.get(task) === 0);
  for (let i = 0; i < ordered.length; i++) {
    for (const child of children.get(ordered[i]!) ?? []) {
      const left = open.get(child)! - 1;
      open.set(child, left);
      if (left === 0) ordered.push(child);
    }
  }
  if (ordered.length === tasks.length) return ordered;
  const stuck = tasks.find((task) => open.get(task)! > 0)!;
  throw wrong(`the tasks form a cycle: ${named(stuck.id, stuck.spec[1])} depends on itself`);
}

/** Whatever a task reads is made by one before it. */
function isInOrder(tasks: readonly GraphTask[]): boolean {
  for (let at = 0; at < tasks.length; at++) {
    const { inputs, order } = tasks[at]!;
    for (let place = 0; place < inputs.length; place++) {
      const { producer } = inputs[place]!;
      if (producer !== null && producer.order >= order) return false;
    }
  }
  return true;
}

function enter(board: Board, object: GraphObject, sizes: ReadonlyMap<number, number>): void {
  const { session, spec } = object;
  session.nodes.add(object);
  if (session.lasting) board.lastingObjects.set(object.n, object);
  if (!object.constant) return;
  const value = spec[4];
  object.size = value === true ? sizes.get(object.id)! : (value as Uint8Array).length;
  object.contentType = spec[5]?.contentType ?? null;
  session.objects++;
  session.bytes += object.size;
}

function register(session: GraphSession, task: GraphTask): void {
  session.nodes.add(task);
  session.unfinished++;
  task.state = taskState.waiting;
  for (let at = 0; at < task.inputs.length; at++) {
    const object = task.inputs[at]!;
    object.addConsumer(task);
    if (object.state === objectState.unfinished) task.missing++;
  }
}

/** Children come first; those of earlier submissions learn of it one step far only, so that a chain built link by link costs no more than its links. */
function deepen(task: GraphTask): void {
  for (let at = 0; at < task.inputs.length; at++) {
    const { producer } = task.inputs[at]!;
    if (producer === null || producer.depth > task.depth) continue;
    // A heap that it stands in is sorted by this.
    if (producer.heap === null) producer.depth = task.depth + 1;
  }
}

function needsOf(more: TaskMore | null): Needs | null {
  if (more === null) return null;
  const { cpus = 1, memory = 0, resources = {} } = more;
  const names = Object.keys(resources).sort();
  if (cpus === 1 && memory === 0 && names.length === 0) return null;
  return { key: `${cpus} ${memory} ${names.map((name) => `${name}=${resources[name]}`).join(' ')}`, cpus, memory, resources };
}

function named(id: number, name: string): string {
  return `${id} (${name})`;
}

function wasRemoved(id: number, label: string): MillraceError {
  return new MillraceError('ERR_STATE', `the object ${named(id, label)} was removed, since nothing needed it: keep it`);
}

function wrong(message: string): MillraceError {
  return new MillraceError('ERR_TASK', message);
}
