/**
 * What crosses between a function's thread and the executor: batches of calls, their ends, and the memory that both share.
 *
 * The shared memory survives any death of the thread (out of memory, `process.exit()`, termination): it says which call was running and
 * holds the ends that were not sent yet. So a crash costs the call that caused it, and no other.
 */
import type { MessagePort } from 'node:worker_threads';
import type { TaskError } from '../../../task/result.ts';

/** Items of a call in the flat list of a batch: task id, attempt, place of its target in `targets`, arguments (JSON text or msgpack bytes). */
export const itemsPerCall = 4;

export interface Batch {
  readonly slot: number;
  /** Unique in this executor. */
  readonly number: number;
  /** `module#name`, each once: they are long and mostly the same. */
  readonly targets: readonly string[];
  /** Flat, because it is copied to the thread: half the time of a list of objects. */
  readonly calls: readonly (string | number | Uint8Array | null)[];
  readonly shared: SharedArrayBuffer;
}

/** The end of a call. `at`: its place in the batch; `startedAt` epoch ms, `durationMs` by the monotonic clock. */
export type CallEnd = readonly [
  at: number,
  startedAt: number,
  durationMs: number,
  value: string | Uint8Array | null,
  error: TaskError | null,
];

/** Marks the library's own messages among those that functions may send through their thread's port. */
export const mark = 'millrace';

/** From a thread, outside of answers. */
export type ThreadMessage =
  | readonly [typeof mark, 'ends', slot: number, batch: number, ends: readonly CallEnd[]]
  /** A call asked for its `AbortSignal`: a message on this port aborts it. */
  | readonly [typeof mark, 'abort-port', slot: number, batch: number, port: MessagePort]
  /** Something failed that belongs to a call whose end is settled already. */
  | readonly [typeof mark, 'late', id: string, message: string];

const field = { running: 0, sent: 1, aborted: 2, length: 3 } as const;
const headerBytes = 16;
const journalBytes = 64 * 1024;

/** Both sides' view of the shared memory of a slot. */
export class Journal {
  readonly buffer: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #bytes: Buffer;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(headerBytes + journalBytes)) {
    this.buffer = buffer;
    this.#header = new Int32Array(buffer, 0, headerBytes / 4);
    this.#bytes = Buffer.from(buffer, headerBytes);
  }

  /** Host, before a batch. */
  reset(): void {
    Atomics.store(this.#header, field.running, -1);
    Atomics.store(this.#header, field.sent, 0);
    Atomics.store(this.#header, field.aborted, 0);
    Atomics.store(this.#header, field.length, 0);
  }

  /** The call that is or was running last; -1 before the first. */
  get running(): number {
    return Atomics.load(this.#header, field.running);
  }

  set running(at: number) {
    Atomics.store(this.#header, field.running, at);
  }

  /** How many ends left as messages. */
  get sent(): number {
    return Atomics.load(this.#header, field.sent);
  }

  get aborted(): boolean {
    return Atomics.load(this.#header, field.aborted) === 1;
  }

  abort(): void {
    Atomics.store(this.#header, field.aborted, 1);
  }

  /** Thread: note an end that was not sent yet; false when it does not fit: send it now. */
  add(end: CallEnd): boolean {
    const value = end[3];
    if (value !== null && typeof value !== 'string') return false;
    const from = Atomics.load(this.#header, field.length);
    const [at, startedAt, durationMs, , error] = end;
    // By hand where nothing needs escapes: a third of the time of JSON.stringify for a call without a value.
    const text = value === null && error === null ? `,[${at},${startedAt},${durationMs},null,null]` : `,${JSON.stringify(end)}`;
    // Three bytes at most for a UTF-16 unit.
    if (from + text.length * 3 > journalBytes) return false;
    const length = from + this.#bytes.write(text, from);
    Atomics.store(this.#header, field.length, length);
    return true;
  }

  /** Thread: everything up to here was sent. */
  clear(sent: number): void {
    Atomics.store(this.#header, field.length, 0);
    Atomics.store(this.#header, field.sent, sent);
  }

  /** Host, after the answer to a batch or a crash: the ends that were not sent. */
  unsent(): CallEnd[] {
    const length = Atomics.load(this.#header, field.length);
    return length === 0 ? [] : (JSON.parse(`[${this.#bytes.toString('utf8', 1, length)}]`) as CallEnd[]);
  }
}
