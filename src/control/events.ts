/** Events of a server as its host sees them: results become public shapes, `onResult` is called one result at a time, in order. */
import type { MillraceError } from '../base/errors.ts';
import { toTaskResult } from '../data/record.ts';
import type { TaskRow } from '../store/store.ts';
import { taskId } from '../task/id.ts';
import type { Progress, Summary, TaskResult } from '../task/result.ts';
import { decodeValue } from '../task/value.ts';
import type { ClientInfo } from './control.ts';
import type { FailureSink } from './failure-sink.ts';

/** A task in an event. */
export interface TaskNote {
  id: string;
  /** The attempt that it is about; 0 before the first. */
  attempt: number;
  clientId: string | null;
}

/** What a running function said of how far it is (`functionContext().progress(value)`). */
export interface TaskProgressNote {
  id: string;
  value: unknown;
}

/** What a server found in its database when it started: what an earlier server, or a submission into the file, left there. */
export interface Recovered {
  /** How often the database was opened to be written to, this time included. */
  epoch: number;
  /** Whether the last one that held the database closed it; false: it was killed, or its disk was full to the end. Null: not known, the file comes from an earlier version or is a backup. */
  endedCleanly: boolean | null;
  /** Tasks that stand in the queue, and those that wait for a time or for other tasks. */
  ready: number;
  waiting: number;
  /** Tasks that are leased, by client: a client that comes back within `evictAfter` goes on with them, of the others they are queued again then. */
  leased: { clientId: string; clientHost: string; tasks: number }[];
  /** Tasks that have ended, those that were forgotten since included. */
  ended: number;
  /** Submitters that had not said that they were done. */
  submitters: number;
}

/** Events of a server; those about tasks come in lists. */
export interface ServerEvents {
  ready: (info: unknown) => void;
  error: (error: MillraceError) => void;
  done: (summary: Summary) => void;
  submitted: (tasks: TaskNote[]) => void;
  scheduled: (tasks: TaskNote[]) => void;
  started: (tasks: TaskNote[]) => void;
  completed: (results: TaskResult[]) => void;
  retried: (tasks: TaskNote[]) => void;
  evicted: (tasks: TaskNote[]) => void;
  /** Of each task the last word of some 50 ms. */
  taskProgress: (words: TaskProgressNote[]) => void;
  clientJoined: (client: ClientInfo) => void;
  clientLeft: (client: ClientInfo) => void;
  /** Twice a second. */
  progress: (progress: Progress) => void;
  /** Once, after `ready`, where the database is not new; also `ServerThread.recovered`. */
  recovered: (found: Recovered) => void;
  /**
   * The database cannot be written (for instance a full disk): until null comes nothing is accepted, granted or recorded; clients run on and keep their results.
   * Told when it begins, when the reason changes, and when it is over. Commits are tried again after 0.1 s, later every 5 s.
   */
  stalled: (error: { code: string; message: string } | null) => void;
}

export interface HostEventHandlers {
  emit(name: string, value: unknown): void;
  readonly onResult: ((result: TaskResult) => void | Promise<void>) | null;
  /** Takes the lines of tasks that failed; absent: nobody asked for them. */
  readonly failures?: FailureSink | null;
  /** So many results were dealt with. */
  read(results: number): void;
  /** `onResult` threw, or failures cannot be redirected. */
  failed(thrown: unknown): void;
  /** Everything that came before the end was dealt with. */
  over(): void;
}

const notes: ReadonlySet<string> = new Set(['submitted', 'scheduled', 'started', 'retried', 'evicted']);

export class HostEvents {
  readonly #handlers: HostEventHandlers;
  #salt = '';
  /** Results are dealt with one after the other. */
  #queue: Promise<void> = Promise.resolve();
  #broken = false;
  /** `onResult` is called, and what it promises is not waited for. */
  #hurried = false;
  #release: () => void = () => {};

  constructor(handlers: HostEventHandlers) {
    this.#handlers = handlers;
  }

  open(salt: string): void {
    this.#salt = salt;
  }

  receive(name: string, value: unknown): void {
    if (name === 'result') this.#queue = this.#queue.then(() => this.#results(value as TaskRow[]));
    else if (name === 'failures') this.#queue = this.#queue.then(() => this.#failures(value as string[]));
    else if (name === 'completed') {
      const rows = value as TaskRow[];
      this.#handlers.emit(
        name,
        rows.map((row) => toTaskResult(row, this.#salt)),
      );
      if (this.#handlers.onResult === null) this.#handlers.read(rows.length);
    } else if (name === 'over') this.#queue = this.#queue.then(() => this.#handlers.over());
    else if (notes.has(name)) {
      const list = (value as [number, number, number, string | null, string?][]).map(
        ([n, submittedAt, attempt, clientId, id]): TaskNote => ({ id: id ?? taskId(this.#salt, submittedAt, n), attempt, clientId }),
      );
      this.#handlers.emit(name, list);
    } else if (name === 'taskProgress') this.#handlers.emit(name, (value as [string, string | Uint8Array][]).flatMap(wordOf));
    else this.#handlers.emit(name, value);
  }

  /** From now on results are handed over without waiting for what `onResult` promises, also for the call that is open. */
  hurry(): void {
    this.#hurried = true;
    this.#release();
  }

  /** Nothing more will come. */
  close(): void {
    this.#queue = this.#queue.then(() => this.#handlers.over());
  }

  async #failures(lines: readonly string[]): Promise<void> {
    try {
      if (!this.#broken) await this.#handlers.failures?.take(lines, (promised) => this.#settled(promised));
    } catch (thrown) {
      this.#broken = true;
      this.#handlers.failed(thrown);
    }
    this.#handlers.read(lines.length);
  }

  async #results(rows: readonly TaskRow[]): Promise<void> {
    for (const row of rows) {
      // Read all the same: the server waits for that before it goes.
      if (this.#broken) break;
      try {
        await this.#settled(this.#handlers.onResult?.(toTaskResult(row, this.#salt)));
      } catch (thrown) {
        this.#broken = true;
        this.#handlers.failed(thrown);
      }
    }
    this.#handlers.read(rows.length);
  }

  /** One promise at a time is waited for; a race with a lasting promise would keep a reaction for each result. */
  async #settled(promised: void | Promise<void>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#release = resolve;
      Promise.resolve(promised).then(resolve, reject);
      if (this.#hurried) resolve();
    });
  }
}

/** A word comes from a client as it is: what cannot be read is nobody's news. */
function wordOf([id, encoded]: [string, string | Uint8Array]): TaskProgressNote[] {
  try {
    return [{ id, value: decodeValue(encoded) }];
  } catch {
    return [];
  }
}
