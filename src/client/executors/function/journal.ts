/**
 * What crosses between a function's thread and the executor: batches of calls, their ends, and the memory that both share.
 *
 * The shared memory survives any death of the thread (out of memory, `process.exit()`, termination): it says which call was running and
 * holds the ends that were not sent yet. So a crash costs the call that caused it, and no other.
 */
import type { MessagePort } from 'node:worker_threads';
import type { TaskError } from '../../../task/result.ts';
import type { TagValue } from '../../../task/task.ts';
import type { ParentEnd } from '../../executor.ts';
import type { CallLimits } from './options.ts';

/** Items of a call in the flat list of a batch: task id, attempt, place of its target in `targets`, arguments (JSON text or msgpack bytes). */
export const itemsPerCall = 4;

/** What only some calls have. */
export interface CallFacts {
  readonly group: number;
  readonly tags: Readonly<Record<string, TagValue>>;
  readonly parents: readonly ParentEnd[];
  /** As `Execution.trace`. */
  readonly trace?: Readonly<Record<string, string>>;
}

export interface Batch {
  readonly slot: number;
  /** Unique in this executor. */
  readonly number: number;
  /** `module#name`, each once: they are long and mostly the same. */
  readonly targets: readonly string[];
  /** By the place of a target, what its calls are given as `Execution.common`; null: none of them anything. */
  readonly commons: readonly (string | Uint8Array | undefined)[] | null;
  /** Flat, because it is copied to the thread: half the time of a list of objects. */
  readonly calls: readonly (string | number | Uint8Array | null)[];
  /** By place; most calls have none. */
  readonly facts: ReadonlyMap<number, CallFacts> | null;
  readonly limits: CallLimits;
  readonly shared: SharedArrayBuffer;
}

/** What an end has beside its value: the last word of its progress, what it logged and had not sent, the file of its value. */
export interface EndExtras {
  readonly word?: string | Uint8Array;
  readonly log?: string;
  readonly truncated?: true;
  readonly path?: string;
}

/** The end of a call. `at`: its place in the batch; `startedAt` epoch ms, `durationMs` by the monotonic clock. */
export type CallEnd = readonly [
  at: number,
  startedAt: number,
  durationMs: number,
  value: string | Uint8Array | null,
  error: TaskError | null,
  extras?: EndExtras,
];

/** Marks the library's own messages among those that functions may send through their thread's port. */
export const mark = 'millrace';

/** From a thread, outside of answers. */
export type ThreadMessage =
  | readonly [typeof mark, 'ends', slot: number, batch: number, ends: readonly CallEnd[]]
  /** What a running call said since it said something last: the last word of its progress (null: none), and lines of its log. */
  | readonly [typeof mark, 'said', slot: number, batch: number, at: number, word: string | Uint8Array | null, log: string]
  /** A call asked for its `AbortSignal`: a message on this port aborts it. */
  | readonly [typeof mark, 'abort-port', slot: number, batch: number, at: number, port: MessagePort]
  /** Something failed that belongs to a call whose end is settled already. */
  | readonly [typeof mark, 'late', id: string, message: string];

const field = { running: 0, sent: 1, aborted: 2, length: 3, said: 4, thread: 5 } as const;
const headerBytes = 32;
/** A byte for each call of a batch that shall not begin; calls beyond it cannot be skipped. */
export const mostSkips = 1_024;
const journalBytes = 64 * 1024;

/** Values of `aborted` that are no place of a call. */
const nothing = -1;
const everything = -2;

// Functions share their thread's globals with the library: what one of them puts there must not stand between a call and its end.
const { load, store, add } = Atomics;
const { parse, stringify } = JSON;

/** Both sides' view of the shared memory of a slot. */
export class Journal {
  readonly buffer: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #skips: Uint8Array;
  readonly #bytes: Buffer;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(headerBytes + mostSkips + journalBytes)) {
    this.buffer = buffer;
    this.#header = new Int32Array(buffer, 0, headerBytes / 4);
    this.#skips = new Uint8Array(buffer, headerBytes, mostSkips);
    this.#bytes = Buffer.from(buffer, headerBytes + mostSkips);
  }

  /** Host, before a batch. */
  reset(): void {
    store(this.#header, field.running, -1);
    store(this.#header, field.sent, 0);
    store(this.#header, field.aborted, nothing);
    store(this.#header, field.length, 0);
    store(this.#header, field.said, 0);
    store(this.#header, field.thread, 0);
    this.#skips.fill(0);
  }

  /** The call that is or was running last; -1 before the first. */
  get running(): number {
    return load(this.#header, field.running);
  }

  set running(at: number) {
    store(this.#header, field.running, at);
  }

  /** The system's number of the thread that has the batch; 0: none has it yet, or the system does not tell. */
  get thread(): number {
    return load(this.#header, field.thread);
  }

  set thread(number: number) {
    store(this.#header, field.thread, number);
  }

  /** How many ends left as messages. */
  get sent(): number {
    return load(this.#header, field.sent);
  }

  /** How often a call said something in a message of its own. */
  get said(): number {
    return load(this.#header, field.said);
  }

  /** Thread: one more such message left. */
  say(): void {
    add(this.#header, field.said, 1);
  }

  /** No further call of the batch begins. */
  get aborted(): boolean {
    return load(this.#header, field.aborted) !== nothing;
  }

  /** Whether it was this call, or all of them, that the abort meant. */
  aborts(at: number): boolean {
    const aborted = load(this.#header, field.aborted);
    return aborted === at || aborted === everything;
  }

  /** Host: abort this call, or all; none begins any more. */
  abort(at: number | null): void {
    store(this.#header, field.aborted, at ?? everything);
  }

  /** Host: the call that was meant has ended meanwhile; the others go on. */
  goOn(): void {
    store(this.#header, field.aborted, nothing);
  }

  /** Host: this call shall not begin. */
  skip(at: number): void {
    if (at < mostSkips) store(this.#skips, at, 1);
  }

  skips(at: number): boolean {
    return at < mostSkips && load(this.#skips, at) === 1;
  }

  /** Thread: note an end that was not sent yet; false when it does not fit: send it now. */
  add(end: CallEnd): boolean {
    const value = end[3];
    const extras = end[5];
    if ((value !== null && typeof value !== 'string') || typeof extras?.word === 'object') return false;
    const from = load(this.#header, field.length);
    // By hand where nothing needs escapes: a third of the time of JSON.stringify for a call without a value.
    const bare = value === null && end[4] === null && extras === undefined;
    const text = bare ? `,[${end[0]},${end[1]},${end[2]},null,null]` : `,${stringify(end)}`;
    // Three bytes at most for a UTF-16 unit.
    if (from + text.length * 3 > journalBytes) return false;
    const length = from + this.#bytes.write(text, from);
    store(this.#header, field.length, length);
    return true;
  }

  /** Thread: everything up to here was sent. */
  clear(sent: number): void {
    store(this.#header, field.length, 0);
    store(this.#header, field.sent, sent);
  }

  /** Host: the ends that were not sent. While the thread runs they may be sent at any moment: then there are none, or they come twice. */
  unsent(): CallEnd[] {
    const { sent } = this;
    const length = load(this.#header, field.length);
    if (length === 0) return [];
    const text = this.#bytes.toString('utf8', 1, length);
    // It writes over what it has sent only after it has counted it.
    return this.sent === sent ? (parse(`[${text}]`) as CallEnd[]) : [];
  }
}
