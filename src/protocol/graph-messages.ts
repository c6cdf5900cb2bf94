/**
 * The conversation of a session with its server: which requests a connection of control may make of a task graph, which events come back,
 * and how a task and an object of a graph look on the way. They travel as the requests and events of `messages.ts`; what is checked here is
 * their content. Units: ms, bytes. What users wrote (config, attributes) is opaque here: text or bytes that only the two ends read.
 *
 * A session is opened, gets tasks and objects by submissions, is asked about them, and is closed. Tasks and objects share one space of
 * numbers, chosen by the session's side: 0 to 2^31 - 1, each used once.
 */
import { MillraceError } from '../base/errors.ts';
import {
  type GraphPart,
  type GraphPlace,
  type GraphProgress,
  type GraphSessionInfo,
  type GraphSessionPage,
  mostShown,
  type NodeState,
} from './graph-views.ts';
import { array, binaryOrText, bool, type Check, count, finite, nullable, oneOf, plain, record, text, tuple, whole } from './shapes.ts';

/** The largest constant inside a submission, and the largest part of one that is put before. */
export const largestInline: number = 4 * 2 ** 20;
/** A submission is cut into parts of at most about so many bytes. */
export const submissionPart: number = 2 ** 20;
/** The largest stretch that one `graph.read` may ask for, and how many reads of one fetch may be open at a time: this is the reader's credit. */
export const largestRead: number = 2 ** 20;
export const mostReads = 8;
/** Texts about tasks and objects in one message, in UTF-16 units: its frame holds them also where each takes three bytes. */
export const mostTold: number = 4 * 2 ** 20;

/** Of a task or an object, chosen by its session. */
export type NodeId = number;
/** Of a request that may take long; chosen by its session, each used once. */
export type WaitNumber = number;
/** A session's number; chosen by the server, never used again while it lives. */
export type SessionId = number;
/** Structured data that only the two ends read: what `encodeValue` makes. */
export type Opaque = string | Uint8Array;

/** `directory`: its bytes are a tar archive. */
export type ObjectKind = 'blob' | 'directory';

/**
 * An object. `value`: null: a task makes it; bytes: a constant; true: a constant whose bytes were `graph.put` before.
 * As an output of a task its label is the output's label.
 */
export type WireObject = readonly [
  id: NodeId,
  label: string,
  kind: 0 | 1,
  keep: boolean,
  value: Uint8Array | null | true,
  more: WireObjectMore | null,
];
export interface WireObjectMore {
  contentType?: string;
  /** `spec.user`. */
  attributes?: Opaque;
}

/** Inputs as pairs: [object, label, object, label…], a label may be null; the same object may be several of them. Outputs are objects. */
export type WireNode = readonly [
  id: NodeId,
  type: string,
  config: Opaque | null,
  inputs: readonly (NodeId | string | null)[],
  outputs: readonly NodeId[],
  more: WireNodeMore | null,
];
export interface WireNodeMore {
  name?: string;
  /** Cores. Default 1; 0: it holds no core, only a slot. */
  cpus?: number;
  memory?: number;
  resources?: Record<string, number>;
  /** Higher first; default 0. */
  priority?: number;
  /** `spec.user`. */
  attributes?: Opaque;
}

/** Why a task failed, and with it perhaps its session. */
export interface GraphFailure {
  task: NodeId;
  type: string;
  name: string | null;
  code: string;
  message: string;
  /** What it wrote with `debug`, and the end of its stderr. */
  debug: string;
  stderr: string;
}

/** What is known of a task: `state` waiting to failed. Or of an object: unfinished, finished, failed or removed. */
export interface NodeInfo {
  id: NodeId;
  state: NodeState;
  failure: GraphFailure | null;
  /** The client's id that ran it; of an object: one that has it; null: none. */
  client: string | null;
  /** Tasks: epoch ms by its client's clock; null: it has not begun. */
  startedAt: number | null;
  durationMs: number | null;
  /** Objects; null: not finished. */
  size: number | null;
  contentType: string | null;
  /** `info.user`. */
  attributes: Opaque | null;
  debug: string;
}

export interface FetchOpened {
  fetch: number;
  size: number;
  info: NodeInfo;
}

/** Each request with its parameters and its answer. */
export interface GraphRequests {
  /** `token`: with it another connection may take the session over, within 5 s of a loss. `continue`: a failure fails its dependents only. */
  'graph.open': [params: { name: string; onFailure: 'fail' | 'continue' }, answer: { session: SessionId; token: string }];
  /** Of a persistent session: one of this name that is open, which is taken from whoever has it, or a new one. `next`: the first number that is free. */
  'graph.join': [params: { name: string; onFailure: 'fail' | 'continue' }, answer: GraphJoined];
  /** What was submitted, in parts: `from`: how many tasks and objects are known already. */
  'graph.nodes': [params: { session: SessionId; from: number }, answer: GraphNodes];
  /** It goes on without a connection. */
  'graph.leave': [params: { session: SessionId }, answer: null];
  /** The persistent sessions of the server; with a name: that one is closed, if it is there. */
  'graph.sessions': [params: Record<never, never>, answer: GraphSessionInfo[]];
  'graph.end': [params: { name: string }, answer: boolean];
  'graph.attach': [params: { session: SessionId; token: string }, answer: null];
  /** Part of a constant, in order; the last part lets it be named by a submission. */
  'graph.put': [params: { session: SessionId; object: NodeId; bytes: Uint8Array }, answer: null];
  /** Parts are gathered until `last`; then all of it counts, or nothing (the error says why) and all that was gathered or put is forgotten. */
  'graph.submit': [
    params: { session: SessionId; objects: readonly WireObject[]; tasks: readonly WireNode[]; last: boolean },
    answer: { tasks: number; objects: number },
  ];
  /** Until all of `items` (tasks, objects; none: all tasks that were submitted) have ended; `some`: at least one. Those that have, by number. */
  'graph.wait': [
    params: { session: SessionId; items: readonly NodeId[]; some: boolean; wait?: WaitNumber },
    answer: { finished: NodeId[] },
  ];
  /** Waits until the object is finished; it must be kept, or a constant. */
  'graph.fetch': [params: { session: SessionId; object: NodeId; wait?: WaitNumber }, answer: FetchOpened];
  /** Nobody waits any more for the answer to the request with this number: it is refused, if it was not answered yet. */
  'graph.give-up': [params: { session: SessionId; wait: WaitNumber }, answer: null];
  'graph.read': [params: { fetch: number; offset: number; length: number }, answer: Uint8Array];
  'graph.end-fetch': [params: { fetch: number }, answer: null];
  /** As many of the first as a message holds, at least one: who wants more asks for the rest. */
  'graph.update': [params: { session: SessionId; items: readonly NodeId[] }, answer: NodeInfo[]];
  'graph.unkeep': [params: { session: SessionId; objects: readonly NodeId[] }, answer: null];
  'graph.progress': [params: { session: SessionId }, answer: GraphProgress];
  /** Tell `graph.progressed` at most so often (ms); 0: no more. */
  'graph.watch': [params: { session: SessionId; every: number }, answer: null];
  /** Why a task has not run yet, in a sentence. */
  'graph.explain': [params: { session: SessionId; task: NodeId }, answer: { state: NodeState; reason: string }];
  'graph.close': [params: { session: SessionId }, answer: null];
  'graph.info': [params: Record<never, never>, answer: GraphServerInfo];
  /** For whoever looks on, of all sessions, whoever has them: pages of them by number, parts of the graph of one, and its end. */
  'graph.overview': [params: GraphPlace, answer: GraphSessionPage];
  'graph.show': [params: { session: SessionId } & GraphPlace, answer: GraphPart];
  'graph.end-session': [params: { session: SessionId }, answer: null];
}
export type GraphRequest = keyof GraphRequests;

export interface GraphJoined {
  session: SessionId;
  token: string;
  next: NodeId;
  /** It was there before. */
  resumed: boolean;
  failure: GraphFailure | null;
}

/** Objects without their bytes: `value` true: a constant. `keep`: as it is now. */
export interface GraphNodes {
  objects: (readonly [object: WireObject, state: NodeState])[];
  tasks: (readonly [task: WireNode, state: NodeState])[];
  /** Where the next part begins; null: this was the last. */
  next: number | null;
}

export interface GraphServerInfo {
  clients: {
    id: string;
    host: string;
    slots: number;
    cores: number | null;
    memory: number | null;
    resources: Record<string, number>;
    /** Of each session that has any there. */
    tasks: [SessionId, ...NodeId[]][];
    objects: [SessionId, ...NodeId[]][];
  }[];
}

/** Events of the server to the connection that has the session. */
export interface GraphEvents {
  'graph.failed': { session: SessionId; failure: GraphFailure };
  /** Another connection has it now. */
  'graph.taken': { session: SessionId };
  'graph.progressed': { session: SessionId; progress: GraphProgress };
  /** What running tasks said of how far they are: of each the last word. */
  'graph.said': { session: SessionId; words: [NodeId, Opaque][] };
}
export const graphEvents: readonly (keyof GraphEvents)[] = ['graph.failed', 'graph.taken', 'graph.progressed', 'graph.said'];

const id: Check = (value) => whole(value) && (value as number) < 2 ** 31;
const bytes: Check = (value) => value instanceof Uint8Array;
const inline: Check = (value) => value === null || value === true || (bytes(value) && (value as Uint8Array).length <= largestInline);
const amount: Check = (value) => finite(value) && (value as number) >= 0;
const priority: Check = (value) => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
const short: Check = (value) => typeof value === 'string' && value.length <= 1_024;

/** Pairs of an object and its label. */
const inputs: Check = (value) => {
  if (!Array.isArray(value) || value.length % 2 !== 0) return false;
  for (let i = 0; i < value.length; i += 2) {
    if (!id(value[i])) return false;
    if (value[i + 1] !== null && !short(value[i + 1])) return false;
  }
  return true;
};

const object: Check = tuple(id, short, oneOf(0, 1), bool, inline, nullable(plain({}, { contentType: short, attributes: binaryOrText })));
const node: Check = tuple(
  id,
  short,
  nullable(binaryOrText),
  inputs,
  array(id),
  nullable(plain({}, { name: short, cpus: amount, memory: amount, resources: record(amount), priority, attributes: binaryOrText })),
);

const session = { session: whole };
const place = { from: whole, limit: (value: unknown): boolean => whole(value) && (value as number) <= mostShown };

/** Of the parameters of each request. */
const requests: Readonly<Record<GraphRequest, Check>> = {
  'graph.open': plain({ name: short, onFailure: oneOf('fail', 'continue') }),
  'graph.join': plain({ name: short, onFailure: oneOf('fail', 'continue') }),
  'graph.nodes': plain({ ...session, from: whole }),
  'graph.leave': plain(session),
  'graph.sessions': plain({}),
  'graph.end': plain({ name: short }),
  'graph.attach': plain({ ...session, token: text }),
  'graph.put': plain({ ...session, object: id, bytes: (value) => bytes(value) && (value as Uint8Array).length <= largestInline }),
  'graph.submit': plain({ ...session, objects: array(object), tasks: array(node), last: bool }),
  'graph.wait': plain({ ...session, items: array(id), some: bool }, { wait: whole }),
  'graph.fetch': plain({ ...session, object: id }, { wait: whole }),
  'graph.give-up': plain({ ...session, wait: whole }),
  'graph.read': plain({ fetch: whole, offset: whole, length: (value) => count(value) && (value as number) <= largestRead }),
  'graph.end-fetch': plain({ fetch: whole }),
  'graph.update': plain({ ...session, items: array(id) }),
  'graph.unkeep': plain({ ...session, objects: array(id) }),
  'graph.progress': plain(session),
  'graph.watch': plain({ ...session, every: count }),
  'graph.explain': plain({ ...session, task: id }),
  'graph.close': plain(session),
  'graph.info': plain({}),
  'graph.overview': plain(place),
  'graph.show': plain({ ...session, ...place }),
  'graph.end-session': plain(session),
};

/** The name of a request of graphs. */
export function isGraphRequest(name: string): name is GraphRequest {
  return Object.hasOwn(requests, name);
}

/** The parameters of a request, or `ERR_PROTOCOL`. */
export function checkGraphRequest<R extends GraphRequest>(name: R, parameters: unknown): GraphRequests[R][0] {
  if (!requests[name](parameters)) throw new MillraceError('ERR_PROTOCOL', `a request '${name}' with parameters of a wrong shape`);
  return parameters as GraphRequests[R][0];
}
