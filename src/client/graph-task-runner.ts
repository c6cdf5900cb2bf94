/**
 * The port between what holds a client's graph tasks and data and what runs such a task: the built-in tasks, programs and remote functions.
 * A runner decides nothing about where and when; it gets the inputs as they lie here, and gives outputs that the client's data store takes over.
 */
import type { MillraceError } from '../base/errors.ts';
import type { NodeId, ObjectKind, Opaque, SessionId } from '../protocol/graph-messages.ts';

/** The content of an object, as it lies on this client: in memory, or in a file (only to be read). A directory's bytes are a tar archive. */
export type GraphBytes = { readonly bytes: Uint8Array; readonly path: null } | { readonly bytes: null; readonly path: string };

/** An input of a task. */
export interface GraphInput {
  readonly object: NodeId;
  readonly label: string | null;
  readonly kind: ObjectKind;
  readonly contentType: string | null;
  readonly size: number;
  readonly content: GraphBytes;
  /** `spec.user` and `info.user`. */
  readonly attributes: Opaque | null;
  readonly info: Opaque | null;
}

/** What an output has to be. */
export interface GraphOutputSpec {
  readonly object: NodeId;
  readonly label: string;
  readonly kind: ObjectKind;
  readonly contentType: string | null;
  readonly attributes: Opaque | null;
}

/**
 * What an output became. `content`: the store takes it over: a file is moved (it must lie in the sandbox), bytes must not change any more. `input`: it is
 * this input, by place, without a copy.
 */
export interface GraphOutput {
  readonly content: GraphBytes | { readonly input: number };
  readonly kind: ObjectKind;
  /** Null: as it was specified. */
  readonly contentType: string | null;
  /** `info.user`. */
  readonly attributes: Opaque | null;
}

/** One attempt of one task. */
export interface GraphExecution {
  readonly session: SessionId;
  readonly task: NodeId;
  readonly type: string;
  readonly config: Opaque | null;
  readonly name: string | null;
  readonly cpus: number;
  /** `spec.user`. */
  readonly attributes: Opaque | null;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutputSpec[];
  /** An empty folder of its own, made at the first call and removed after the end. */
  sandbox(): string;
  /** Where that is, whether it is made or not: for who makes it itself when it needs it. Making it and taking it away cost a function more than its call (0.6 ms). */
  sandboxPath(): string;
  /** Nobody made it at `sandboxPath()`: there is nothing to take away. */
  sandboxUnmade(): void;
  /** Memory for so many bytes of an output, with anything in it. */
  room(size: number): Buffer;
  /** The content of this input, by place, was changed under it: it is of no use any more. */
  spoiled(input: number): void;
  /** Aborted: nobody wants it any more. It has to end soon. */
  readonly signal: AbortSignal;
  /** The same for one who listens: a signal costs more than a tiny call. At once when it is aborted. */
  whenAborted(act: (error: Error) => void): void;
  /** A line for whoever reads why it failed. */
  debug(line: string): void;
  progress(value: Opaque): void;
}

/** One output for each that was specified, in order. */
export interface GraphOutcome {
  readonly outputs: readonly GraphOutput[];
  /** `info.user` of the task. */
  readonly attributes: Opaque | null;
}

/** What becomes of calls that were given together, each by its place: told once, perhaps before `call` has returned. */
export interface GraphCallEnds {
  /** `outcome`: an error when it failed. `startedAt` epoch ms, `durationMs` of the call itself; absent: nobody knows. */
  ended(at: number, outcome: GraphOutcome | MillraceError, startedAt?: number, durationMs?: number): void;
  /** It has not begun: it may be given again, here or elsewhere. */
  returned(at: number): void;
  /** That was all of them, and their thread is free. */
  over(): void;
}

export interface GraphCalls {
  /** The calls that wait behind one that runs come back, in this moment; ends that are known are told. */
  relieve(): void;
}

export interface GraphTaskRunner {
  /** At once where it can be: a promise for each of many tiny tasks costs. Throws or rejects with why it failed; its stderr in `details.stderr`. */
  run(execution: GraphExecution): GraphOutcome | Promise<GraphOutcome>;
  /** Tasks that are functions, one after the other in one thread: they go there together, and their ends come back together. */
  call(executions: readonly GraphExecution[], ends: GraphCallEnds): GraphCalls;
  /** A session has ended: what was kept for it (its functions' code) is of no use. */
  forget(session: SessionId): void;
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}
