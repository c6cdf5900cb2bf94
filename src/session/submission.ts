/** A submission on its way: its tasks and objects in parts, its large constants before them; all of it counts, or nothing. */

import { MillraceError } from '../base/errors.ts';
import { roundEnd } from '../base/tick.ts';
import {
  type GraphRequests,
  largestInline,
  submissionPart,
  type WireNode,
  type WireNodeMore,
  type WireObject,
  type WireObjectMore,
} from '../protocol/graph-messages.ts';
import { encodeValue } from '../task/value.ts';
import type { UserAttributes } from './attributes.ts';
import { RainException } from './exceptions.ts';
import type { ObjectRecord, TaskRecord } from './records.ts';

/** Larger constants are put before the submission (bytes). */
const inlineLimit = Math.min(largestInline, submissionPart) / 4;
/** Requests without an answer yet. */
const mostOpen = 8;
/** Tasks and objects of a part: the server reads one while the next is made. */
const mostNodes = 2_000;
/** What a task or object costs beside its own bytes, about. */
const overhead = 32;

type Ask = <R extends 'graph.put' | 'graph.submit' | 'graph.update'>(
  name: R,
  parameters: GraphRequests[R][0],
) => Promise<GraphRequests[R][1]>;

/** The attributes of a task or object, encoded (bytes): they travel with each task that has to do with it. */
const largestAttributes = 256 * 1024;

/** How often a submission is sent again after a connection that was cut under it. */
const mostCuts = 5;

/**
 * Sends a submission until it was accepted or refused. When the connection is cut meanwhile the server is asked over the next one whether it has it: nothing of
 * it is sent twice, and nothing lost.
 */
export async function deliver(
  ask: Ask,
  session: number,
  objects: readonly ObjectRecord[],
  contents: ReadonlyMap<ObjectRecord, Uint8Array>,
  tasks: readonly TaskRecord[],
): Promise<void> {
  const [first] = [...tasks, ...objects];
  for (let cuts = 0; ; cuts++) {
    try {
      await sendSubmission(ask, session, objects, contents, tasks);
      return;
    } catch (error) {
      const isCut = error instanceof MillraceError && error.code === 'ERR_CONNECTION_CLOSED';
      if (!isCut || cuts >= mostCuts || first === undefined) throw error;
      if (await isKnown(ask, session, first.id)) return;
    }
  }
}

async function isKnown(ask: Ask, session: number, id: number): Promise<boolean> {
  try {
    await ask('graph.update', { session, items: [id] });
    return true;
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'ERR_NOT_FOUND') return false;
    throw error;
  }
}

/** Rejects with the first refusal, when no request is open any more. */
async function sendSubmission(
  ask: Ask,
  session: number,
  objects: readonly ObjectRecord[],
  contents: ReadonlyMap<ObjectRecord, Uint8Array>,
  tasks: readonly TaskRecord[],
): Promise<void> {
  // What cannot be sent is found before any of it is: all the rest is made part by part.
  const attributes: Attributes = new Map();
  for (const task of tasks) note(attributes, task, task.name ?? task.type);
  for (const object of objects) note(attributes, object, object.label);
  const flow = new Flow();
  for (const [object, bytes] of contents) {
    if (inlined(bytes) !== true) continue;
    for (let at = 0; at < bytes.length; at += submissionPart)
      await flow.add(() => ask('graph.put', { session, object: object.id, bytes: bytes.subarray(at, at + submissionPart) }));
  }
  let part: { objects: WireObject[]; tasks: WireNode[]; size: number } = { objects: [], tasks: [], size: 0 };
  const send = async (last: boolean): Promise<void> => {
    const { objects: some, tasks: many } = part;
    part = { objects: [], tasks: [], size: 0 };
    await flow.add(() => ask('graph.submit', { session, objects: some, tasks: many, last }));
    // It leaves now; and the program is not held up by a large submission.
    if (!last) await roundEnd();
  };
  const isFull = (): boolean => part.size >= submissionPart || part.objects.length + part.tasks.length >= mostNodes;
  for (const object of objects) {
    const value = wireObject(object, inlined(contents.get(object)), attributes);
    part.objects.push(value);
    part.size += overhead + (value[4] instanceof Uint8Array ? value[4].length : 0) + (value[5]?.attributes?.length ?? 0);
    if (isFull()) await send(false);
  }
  for (const task of tasks) {
    const node = wireTask(task, attributes);
    part.tasks.push(node);
    part.size += overhead + (node[2]?.length ?? 0) + 8 * node[3].length + (node[5]?.attributes?.length ?? 0);
    if (isFull()) await send(false);
  }
  await send(true);
  await flow.end();
}

function inlined(bytes: Uint8Array | undefined): Uint8Array | true | null {
  if (bytes === undefined) return null;
  return bytes.length > inlineLimit ? true : bytes;
}

/** At most so many requests at a time; the first that fails stops the rest. */
class Flow {
  readonly #open = new Set<Promise<void>>();
  #failed: { readonly error: unknown } | null = null;

  async add(request: () => Promise<unknown>): Promise<void> {
    while (this.#open.size >= mostOpen && this.#failed === null) await Promise.race(this.#open);
    if (this.#failed !== null) await this.end();
    const asked: Promise<void> = request()
      .then(
        () => {},
        (error: unknown) => {
          this.#failed ??= { error };
        },
      )
      .finally(() => this.#open.delete(asked));
    this.#open.add(asked);
  }

  async end(): Promise<void> {
    await Promise.all(this.#open);
    if (this.#failed !== null) throw this.#failed.error;
  }
}

/** What the user wrote, encoded; of most there is nothing. */
type Attributes = Map<ObjectRecord | TaskRecord, string | Uint8Array>;

function note(attributes: Attributes, node: ObjectRecord | TaskRecord, owner: string): void {
  const encoded = userAttributes(node.user, `spec.user of ${owner}`);
  if (encoded !== null) attributes.set(node, encoded);
}

function wireObject(object: ObjectRecord, value: Uint8Array | null | true, attributes: Attributes): WireObject {
  const more: WireObjectMore = {};
  if (object.contentType !== null) more.contentType = object.contentType;
  const own = attributes.get(object);
  if (own !== undefined) more.attributes = own;
  const kind = object.dataType === 'dir' ? 1 : 0;
  return [object.id, object.label, kind, object.kept, value, Object.keys(more).length === 0 ? null : more];
}

function wireTask(task: TaskRecord, attributes: Attributes): WireNode {
  const inputs: (number | string | null)[] = [];
  for (let at = 0; at < task.inputs.length; at++) inputs.push(task.inputs[at]!.id, task.labels?.[at] ?? null);
  const outputs: number[] = [];
  for (let at = 0; at < task.outputs.length; at++) outputs.push(task.outputs[at]!.id);
  return [task.id, task.type, task.encoded, inputs, outputs, moreOf(task, attributes.get(task) ?? null)];
}

function moreOf({ name, resources, priority }: TaskRecord, attributes: string | Uint8Array | null): WireNodeMore | null {
  // Nearly all: nothing is taken apart for that.
  if (name === null && priority === 0 && attributes === null && isOneCore(resources)) return null;
  const { cpus = 1, memory = 0, ...others } = resources;
  const more: WireNodeMore = {};
  if (name !== null) more.name = name;
  if (cpus !== 1) more.cpus = cpus;
  if (memory !== 0) more.memory = memory;
  if (Object.keys(others).length > 0) more.resources = others;
  if (priority !== 0) more.priority = priority;
  if (attributes !== null) more.attributes = attributes;
  return Object.keys(more).length === 0 ? null : more;
}

function isOneCore(resources: TaskRecord['resources']): boolean {
  for (const name in resources) if (name !== 'cpus' || resources[name] !== 1) return false;
  return true;
}

/** What the user wrote; null: nothing. Checked before anything is sent. @throws RainException, ERR_NOT_CLONEABLE */
export function userAttributes(user: UserAttributes | null, owner: string): string | Uint8Array | null {
  if (user === null) return null;
  const names = Object.keys(user);
  if (names.length === 0) return null;
  const own = names.find((name) => name.startsWith('_'));
  if (own !== undefined) throw new RainException(`the attribute '${own}' of ${owner}: names that begin with _ are the library's`);
  const encoded = encodeValue(user, owner);
  if (encoded.length <= largestAttributes) return encoded;
  throw new RainException(
    `${owner} has ${encoded.length} bytes encoded, more than ${largestAttributes}: make a blob() or pickled() of what is large`,
  );
}

/** The bytes of constants; those that have to be made first are made now. */
export async function contentsOf(objects: readonly ObjectRecord[]): Promise<Map<ObjectRecord, Uint8Array>> {
  const contents = new Map<ObjectRecord, Uint8Array>();
  for (const object of objects) {
    if (object.bytes === null) continue;
    contents.set(object, typeof object.bytes === 'function' ? await object.bytes() : object.bytes);
  }
  return contents;
}
