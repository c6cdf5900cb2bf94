/**
 * What a server and its clients say to each other of task graphs: events both ways, and requests for the bytes of objects. Objects are named by numbers
 * of the server, attempts by runs; both begin anew with a server's epoch, and with another epoch a client forgets all it has, but what is of persistent
 * sessions: their numbers, which begin at `firstLasting`, are given once in the life of a store.
 */
import { MillraceError } from '../base/errors.ts';
import type { NodeId, Opaque, SessionId } from './graph-messages.ts';
import { array, binaryOrText, bool, type Check, count, finite, nullable, plain, record, text, tuple, whole } from './shapes.ts';

/** An object's number on the server. */
export type ObjectNumber = number;
/** Numbers of persistent sessions, their objects and runs begin here. Each epoch of a store has a part of them. */
export const firstLasting: number = 2 ** 40;
export const lastingOfEpoch: number = 2 ** 32;

/** An attempt's number on the server: the fence. */
export type RunNumber = number;

/** `bytes`: a small constant; else it is here, is made here by an earlier run, or has to be fetched. */
export type WireInput = readonly [
  n: ObjectNumber,
  id: NodeId,
  label: string | null,
  kind: 0 | 1,
  contentType: string | null,
  size: number,
  bytes: Uint8Array | null,
  attributes: Opaque | null,
  info: Opaque | null,
];

export type WireOutput = readonly [
  n: ObjectNumber,
  id: NodeId,
  label: string,
  kind: 0 | 1,
  contentType: string | null,
  attributes: Opaque | null,
];

/** `more`: absent in what asks for one core and nothing else. */
export type WireRun = readonly [
  run: RunNumber,
  session: SessionId,
  task: NodeId,
  type: string,
  config: Opaque | null,
  inputs: readonly WireInput[],
  outputs: readonly WireOutput[],
  more: {
    name?: string;
    cpus?: number;
    memory?: number;
    resources?: Record<string, number>;
    attributes?: Opaque;
  } | null,
];

/** Server to client, all of a turn at once, to be done in this order. `acknowledged`: ends up to this message have come. */
export interface WireOrders {
  acknowledged: number;
  refused: readonly RunNumber[];
  cancel: readonly RunNumber[];
  drop: readonly ObjectNumber[];
  runs: readonly WireRun[];
  forget: readonly SessionId[];
  recall: number;
}

/** How a run ended: [run, 0, outputs, info, debug, startedAt, durationMs], or failed, or could not have its inputs. */
export type WireEnd =
  | readonly [
      run: RunNumber,
      kind: 0,
      outputs: readonly (readonly [size: number, contentType: string | null, info: Opaque | null])[],
      info: Opaque | null,
      debug: string,
      startedAt: number,
      durationMs: number,
    ]
  | readonly [run: RunNumber, kind: 1, code: string, message: string, debug: string, stderr: string, startedAt: number, durationMs: number]
  | readonly [run: RunNumber, kind: 2, lost: readonly ObjectNumber[]];

/** Where a client gives its objects to others; null: it cannot. */
export interface GraphDoor {
  host: string;
  port: number;
  /** SHA-256 of its certificate; null: no TLS. */
  fingerprint: string | null;
}

/** Client to server: the event's name and its value. */
export interface ClientGraphEvents {
  'graph.ended': { sequence: number; ends: readonly WireEnd[] };
  /** First on each connection: ends that were not acknowledged, and what it runs and holds after them. */
  'graph.held': {
    sequence: number;
    ends: readonly WireEnd[];
    runs: readonly RunNumber[];
    objects: readonly ObjectNumber[];
    /** Which tasks the runs of persistent sessions are of: a server that was started again knows no runs. */
    claims?: readonly (readonly [run: RunNumber, session: SessionId, task: NodeId])[];
    /** Ends alone, of more than one message holds: the rest follows, and all of it counts as one. */
    more?: boolean;
  };
  'graph.back': { runs: readonly RunNumber[] };
  /** They really run, and did not end at once. */
  'graph.begun': { runs: readonly RunNumber[] };
  'graph.leaving': { now: boolean };
  /** Objects that it was told to take: these are here, these could not be had. */
  'graph.took': { objects: readonly ObjectNumber[]; failed: readonly ObjectNumber[] };
  'graph.door': GraphDoor;
  'graph.words': { words: readonly (readonly [run: RunNumber, value: Opaque])[] };
}
export type ClientGraphEvent = keyof ClientGraphEvents;

/** Requests: of a client to the server or to another client, of the server to a client. */
export interface GraphDataRequests {
  'graph.bytes': [params: { n: ObjectNumber; offset: number; length: number }, answer: Uint8Array];
  /** To the server: where it lies. */
  'graph.where': [params: { n: ObjectNumber }, answer: { doors: GraphDoor[] }];
}

const opaque = nullable(binaryOrText);
const label = nullable(text);
const kind: Check = (value) => value === 0 || value === 1;
const bytes: Check = (value) => value === null || value instanceof Uint8Array;
const input = tuple(whole, whole, label, kind, label, whole, bytes, opaque, opaque);
const output = tuple(whole, whole, text, kind, label, opaque);
const more = plain({}, { name: text, cpus: finite, memory: finite, resources: record(finite), attributes: binaryOrText });
const run = tuple(whole, whole, whole, text, opaque, array(input), array(output), nullable(more));

const orders = plain({
  acknowledged: whole,
  refused: array(whole),
  cancel: array(whole),
  drop: array(whole),
  runs: array(run),
  forget: array(whole),
  recall: count,
});

const made = tuple(whole, whole, array(tuple(whole, label, opaque)), opaque, text, finite, finite);
const failed = tuple(whole, whole, text, text, text, text, finite, finite);
const lost = tuple(whole, whole, array(whole));
const end: Check = (value) => {
  const which: unknown = Array.isArray(value) ? value[1] : null;
  if (which === 0) return made(value);
  return which === 1 ? failed(value) : which === 2 && lost(value);
};

/** TCP ports. */
const port: Check = (value) => count(value) && (value as number) < 65_536;

const events: Readonly<Record<ClientGraphEvent, Check>> = {
  'graph.ended': plain({ sequence: whole, ends: array(end) }),
  'graph.held': plain(
    { sequence: whole, ends: array(end), runs: array(whole), objects: array(whole) },
    { claims: array(tuple(whole, whole, whole)), more: bool },
  ),
  'graph.back': plain({ runs: array(whole) }),
  'graph.begun': plain({ runs: array(whole) }),
  'graph.leaving': plain({ now: bool }),
  'graph.took': plain({ objects: array(whole), failed: array(whole) }),
  'graph.door': plain({ host: text, port, fingerprint: nullable(text) }),
  'graph.words': plain({ words: array(tuple(whole, binaryOrText)) }),
};

/** The value as the orders of a turn, or `ERR_PROTOCOL`. */
export function checkOrders(value: unknown): WireOrders {
  if (!orders(value)) throw new MillraceError('ERR_PROTOCOL', "an event 'graph.orders' of a wrong shape");
  return value as WireOrders;
}

/** Server to client: objects to take from one that leaves. */
export interface WireTakes {
  objects: readonly (readonly [n: ObjectNumber, size: number])[];
}

const takes = plain({ objects: array(tuple(whole, whole)) });

/** The value as objects to take, or `ERR_PROTOCOL`. */
export function checkTakes(value: unknown): WireTakes {
  if (!takes(value)) throw new MillraceError('ERR_PROTOCOL', "an event 'graph.take' of a wrong shape");
  return value as WireTakes;
}

/** The name and value of an event as one of a client's, or `ERR_PROTOCOL`. */
export function checkClientEvent<E extends ClientGraphEvent>(name: E, value: unknown): ClientGraphEvents[E] {
  if (!events[name](value)) throw new MillraceError('ERR_PROTOCOL', `an event '${name}' of a wrong shape`);
  return value as ClientGraphEvents[E];
}

export function isClientGraphEvent(name: string): name is ClientGraphEvent {
  return Object.hasOwn(events, name);
}

const stretch = plain({ n: whole, offset: whole, length: count });
const place = plain({ n: whole });

/** Or `ERR_PROTOCOL`. */
export function checkStretch(value: unknown): GraphDataRequests['graph.bytes'][0] {
  if (!stretch(value)) throw new MillraceError('ERR_PROTOCOL', "a request 'graph.bytes' with parameters of a wrong shape");
  return value as GraphDataRequests['graph.bytes'][0];
}

/** Or `ERR_PROTOCOL`. */
export function checkPlace(value: unknown): GraphDataRequests['graph.where'][0] {
  if (!place(value)) throw new MillraceError('ERR_PROTOCOL', "a request 'graph.where' with parameters of a wrong shape");
  return value as GraphDataRequests['graph.where'][0];
}
