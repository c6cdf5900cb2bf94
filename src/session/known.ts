/** What the server says of tasks, objects and failures, as users see it. */
import { MillraceError } from '../base/errors.ts';
import type { GraphFailure, NodeInfo } from '../protocol/graph-messages.ts';
import type { NodeState } from '../protocol/graph-views.ts';
import { decodeValue } from '../task/value.ts';
import type { ObjectInfo, TaskInfo, UserAttributes } from './attributes.ts';
import { placeText } from './creation.ts';
import type { TaskFailure } from './exceptions.ts';
import type { NodeRecord, ObjectState, TaskRecord, TaskState } from './records.ts';

const taskStates: ReadonlySet<string> = new Set(['waiting', 'ready', 'assigned', 'running', 'finished', 'failed']);
const objectStates: ReadonlySet<string> = new Set(['unfinished', 'finished', 'failed', 'removed']);

/** Takes over what the server knows of a task or an object. */
export function learn(node: NodeRecord, info: NodeInfo): void {
  if (node.kind === 'task') {
    node.state = taskStateOf(info.state) ?? node.state;
    node.info = taskInfo(info);
  } else {
    node.state = objectStateOf(info.state) ?? node.state;
    node.info = objectInfo(info);
  }
}

/** null: a state that users do not know. */
export function taskStateOf(state: NodeState): TaskState {
  return taskStates.has(state) ? (state as TaskState) : null;
}

export function objectStateOf(state: NodeState): ObjectState {
  return objectStates.has(state) ? (state as ObjectState) : null;
}

function taskInfo({ failure, startedAt, durationMs, client, debug, attributes }: NodeInfo): TaskInfo {
  return { error: failure?.message ?? '', startedAt, durationMs, client: client ?? '', debug, user: userOf(attributes) };
}

export function objectInfo({ failure, size, contentType, debug, attributes }: NodeInfo): ObjectInfo {
  return { error: failure?.message ?? '', size: size ?? 0, contentType, debug, user: userOf(attributes) };
}

function userOf(attributes: NodeInfo['attributes']): UserAttributes {
  return attributes === null ? {} : (decodeValue(attributes) as UserAttributes);
}

/** A failure as the server tells it, with what only this side knows. */
export function failureOf(failure: GraphFailure, task: TaskRecord | undefined): TaskFailure {
  const { task: id, type, name, message, debug, stderr } = failure;
  return {
    id,
    task: `${name === null ? type : `'${name}' (${type})`} #${id}`,
    reason: message,
    createdAt: placeText(task?.createdAt ?? null),
    debug,
    stderr,
  };
}

/** The failure in a refusal of the server; null: it is about something else. */
export function failureIn(error: unknown): GraphFailure | null {
  if (!(error instanceof MillraceError)) return null;
  const { failure } = error.details;
  if (typeof failure !== 'object' || failure === null) return null;
  const { task, type, message } = failure as Partial<GraphFailure>;
  return typeof task === 'number' && typeof type === 'string' && typeof message === 'string' ? (failure as GraphFailure) : null;
}
