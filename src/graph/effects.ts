/** What the graph's state machine is told and what it answers: plain data and references, no sockets, no clocks. Times in ms by the monotonic clock. */
import type { MillraceError } from '../base/errors.ts';
import type {
  Failure,
  GraphCapacity,
  GraphClient,
  GraphObject,
  GraphSession,
  GraphTask,
  ObjectSpec,
  Opaque,
  TaskSpec,
} from './entities.ts';

/** An output that was made: its size, what it says of itself. */
export type OutputMade = readonly [size: number, contentType: string | null, info: Opaque | null];

/** How a run ended. `lost`: inputs could not be had; these ones. */
export type RunEnd =
  | {
      readonly run: number;
      readonly outputs: readonly OutputMade[];
      readonly info: Opaque | null;
      readonly debug: string;
      readonly startedAt: number;
      readonly durationMs: number;
    }
  | {
      readonly run: number;
      readonly failure: Pick<Failure, 'code' | 'message' | 'debug' | 'stderr'>;
      /** null, both: it never ran. */
      readonly startedAt: number | null;
      readonly durationMs: number | null;
    }
  | { readonly run: number; readonly lost: readonly number[] };

/** A client has this task of a lasting session under this run. */
export type Claim = readonly [run: number, session: number, task: number];

export type GraphEvent =
  | {
      type: 'submit';
      session: GraphSession;
      objects: readonly ObjectSpec[];
      tasks: readonly TaskSpec[];
      sizes: ReadonlyMap<number, number>;
    }
  /** No items: all tasks. */
  | { type: 'wait'; session: GraphSession; token: number; items: readonly number[]; some: boolean }
  /** Until the object can be read. */
  | { type: 'await-object'; session: GraphSession; token: number; object: number }
  | { type: 'give-up'; session: GraphSession; token: number }
  | { type: 'unkeep'; session: GraphSession; objects: readonly number[] }
  | { type: 'close'; session: GraphSession }
  | { type: 'client-joined'; id: string; capacity: GraphCapacity }
  /** Its connection is gone: it may come back. */
  | { type: 'client-offline'; id: string }
  /** It is back: ends that it has not had an answer for, and what it holds after them. */
  | {
      type: 'client-resumed';
      id: string;
      ends: readonly RunEnd[];
      runs: readonly number[];
      objects: readonly number[];
      /** Runs among these that are of lasting sessions: a server that was started again knows their tasks only. */
      claims?: readonly Claim[];
      /** What it offers, where that is not known. */
      capacity?: GraphCapacity;
    }
  /** It starts nothing new. */
  | { type: 'client-closing'; id: string }
  | { type: 'client-left'; id: string }
  | { type: 'ended'; client: string; ends: readonly RunEnd[] }
  /** It gives these back: they have not begun. */
  | { type: 'given-back'; client: string; runs: readonly number[] }
  /** These really run there. */
  | { type: 'begun'; client: string; runs: readonly number[] }
  /** Objects that it was told to take from a client that leaves: these it has, and these it could not get. */
  | { type: 'took'; client: string; objects: readonly number[]; failed: readonly number[] }
  /** A client was asked for an object, and has it no more. */
  | { type: 'object-lost'; client: string; object: number }
  | { type: 'tick' };

/** What one client is told at the end of a turn, in this order. */
export interface ClientOrders {
  readonly client: GraphClient;
  /** Ends that count for nothing: what was made and fetched for these runs is of no use. It is told before anything else. */
  readonly refused: number[];
  /** By the number of the run. */
  readonly cancel: number[];
  /** By the number of the object. */
  readonly drop: number[];
  readonly run: GraphTask[];
  /** Sessions that have ended. */
  readonly forget: number[];
  recall: number;
}

export type Answer =
  | { readonly token: number; readonly finished: readonly number[] }
  | { readonly token: number; readonly object: GraphObject }
  | { readonly token: number; readonly error: MillraceError };

export interface GraphTurn {
  readonly orders: readonly ClientOrders[];
  readonly answers: readonly Answer[];
  /** Of clients that leave: what others are to take, and what the server is; who may go. */
  readonly takes: ReadonlyMap<GraphClient, readonly GraphObject[]>;
  readonly rescues: readonly (readonly [object: GraphObject, giver: GraphClient])[];
  readonly freed: readonly GraphClient[];
  /** What the server had taken and nobody needs any more. */
  readonly released: readonly GraphObject[];
  /** Sessions that failed in this turn. */
  readonly failed: readonly GraphSession[];
  /** Objects that nobody will need again, nor what made them. */
  readonly forgotten: readonly GraphObject[];
}
