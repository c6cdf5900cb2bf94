/** The tasks and objects of a persistent session as its server knows them, made anew for a program that takes it up. */
import type { GraphNodes, WireNode, WireObject } from '../protocol/graph-messages.ts';
import type { NodeState } from '../protocol/graph-views.ts';
import { decodeValue } from '../task/value.ts';
import type { UserAttributes } from './attributes.ts';
import { objectStateOf, taskStateOf } from './known.ts';
import { type Home, ObjectRecord, TaskRecord } from './records.ts';
import type { SessionHome } from './session-home.ts';

export interface Restored {
  readonly tasks: TaskRecord[];
  readonly objects: ObjectRecord[];
}

/** All that was submitted, in the order of its numbers. */
export async function readNodes(home: SessionHome): Promise<Restored> {
  const objects = new Map<number, ObjectRecord>();
  const found: (readonly [WireNode, NodeState])[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const part: GraphNodes = await home.ask('graph.nodes', { session: home.id, from });
    for (const [object, state] of part.objects) objects.set(object[0], objectRecord(home, object, state));
    found.push(...part.tasks);
    from = part.next;
  }
  return { tasks: found.map(([task, state]) => taskRecord(home, task, state, objects)), objects: [...objects.values()] };
}

function userOf(attributes: string | Uint8Array | undefined): UserAttributes | null {
  return attributes === undefined ? null : (decodeValue(attributes) as UserAttributes);
}

function objectRecord(home: Home, [id, label, kind, keep, value, more]: WireObject, state: NodeState): ObjectRecord {
  const object = new ObjectRecord(home, {
    label,
    dataType: kind === 1 ? 'dir' : 'blob',
    contentType: more?.contentType ?? null,
    bytes: null,
    isConstant: value !== null,
  });
  object.id = id;
  object.user = userOf(more?.attributes);
  object.kept = keep;
  object.state = objectStateOf(state);
  return object;
}

function taskRecord(home: Home, wire: WireNode, state: NodeState, objects: ReadonlyMap<number, ObjectRecord>): TaskRecord {
  const [id, type, config, pairs, results, more] = wire;
  const inputs: ObjectRecord[] = [];
  const labels: (string | null)[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const object = objects.get(pairs[i] as number);
    if (object === undefined) continue;
    inputs.push(object);
    labels.push(pairs[i + 1] as string | null);
  }
  const { name = null, cpus = 1, memory, resources, priority = 0, attributes } = more ?? {};
  const task = new TaskRecord(home, {
    type,
    name,
    encoded: config,
    inputs,
    labels: labels.every((label) => label === null) ? null : labels,
    outputs: results.map((result) => objects.get(result)).filter((object) => object !== undefined),
    resources: { cpus, ...(memory === undefined ? {} : { memory }), ...resources },
    priority,
  });
  task.id = id;
  task.user = userOf(attributes);
  task.state = taskStateOf(state);
  return task;
}
