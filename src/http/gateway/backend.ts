/**
 * What the gateway needs of the server that it is the face of: a port, which the server implements over a connection of its own. Queries and options come
 * as their callers wrote them; whoever implements this checks them, and throws coded errors.
 */
import type { GraphPart, GraphPlace, GraphSessionPage } from '../../protocol/graph-views.ts';
import type { RunningOutput } from '../../protocol/running-output.ts';
import type { StoredName } from '../../store/names.ts';
import type { Progress, TaskResult } from '../../task/result.ts';

export interface Receipt {
  readonly submitted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly ids: readonly string[] | null;
}

/** A client, as `server.clients()` shows it. */
export interface ClientView {
  readonly id: string;
  readonly host: string;
  readonly connected: boolean;
  readonly slots: number;
  readonly running: number;
  readonly leased: number;
  readonly silentMs: number;
}

/** A task as it stands: what of a result is known so far, and its state. */
export type TaskView = { readonly id: string };

export interface TaskPage {
  readonly tasks: readonly TaskView[];
  /** Where the next page begins; null: this one is empty, or the order cannot be continued. */
  readonly next: string | null;
}

export interface NamePage {
  readonly names: readonly StoredName[];
  /** After which name the next page begins; null: this was the last. */
  readonly next: string | null;
}

/** Bytes or texts, pulled. */
export interface Chunks {
  /** The next ones; null at the end. */
  read(): Promise<Uint8Array | string | null>;
  /** Nothing more is wanted. Never rejects. */
  close(): Promise<void>;
}

/** Fields of a query (`TaskQuery`), not yet checked. */
export type QueryFields = Readonly<Record<string, unknown>>;

export interface Backend {
  /** Lines of JSON, read no faster than they are stored; resolves after the commit. `headers`: those of the request, whose trace the tasks are of. */
  submit(lines: Chunks, options: QueryFields, signal: AbortSignal, headers: Readonly<Record<string, unknown>>): Promise<Receipt>;
  /** `light`: without output and value. */
  page(query: QueryFields, after: string | null, light: boolean): Promise<TaskPage>;
  count(query: QueryFields): Promise<number>;
  get(id: string): Promise<TaskView | null>;
  history(id: string): Promise<readonly object[]>;
  explain(id: string): Promise<object>;
  /** What it has written so far, the last `limit` bytes of each stream; null: it does not run. Throws ERR_NOT_FOUND. */
  output(id: string, limit: number): Promise<RunningOutput | null>;
  cancel(query: QueryFields): Promise<number>;
  /** Queue tasks again that ended without success. */
  retry(query: QueryFields): Promise<number>;
  results(order: string | undefined): AsyncIterableIterator<TaskResult>;
  progress(): Promise<Progress>;
  clients(): Promise<readonly ClientView[]>;
  /** Sessions of task graphs, by number. */
  sessions(place: GraphPlace): Promise<GraphSessionPage>;
  /** Throws ERR_NOT_FOUND, as what follows. */
  sessionGraph(session: number, place: GraphPlace): Promise<GraphPart>;
  closeSession(session: number): Promise<void>;
  /** Names of remote objects, ascending. */
  names(prefix: string, after: string | null, limit: number): Promise<NamePage>;
  /** Throws ERR_NAME for what no name can be, as what follows. */
  name(name: string): Promise<StoredName | null>;
  removeName(name: string): Promise<boolean>;
  /** Be told of these events of the server, and of no others. */
  listen(names: readonly string[]): void;
  /** Called with each of them. */
  onEvent(listener: (name: string, value: unknown) => void): void;
}

/** Events that can be asked for, as the handle of a server has them. */
export const eventNames = [
  'progress',
  'submitted',
  'scheduled',
  'started',
  'completed',
  'retried',
  'evicted',
  'taskProgress',
  'clientJoined',
  'clientLeft',
  'stalled',
] as const;
