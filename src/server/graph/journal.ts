/**
 * The histories of persistent sessions on their way to the store. What a turn adds is one transaction, written before anything of that turn is told to anybody; a
 * write that fails for want of room is tried again, and until it is done there are no more turns: what happens meanwhile is of the next one.
 */
import { MillraceError } from '../../base/errors.ts';
import { GraphObject, type GraphSession, type GraphTask, type ObjectSpec, type TaskSpec } from '../../graph/entities.ts';
import { type GraphRecord, type RecordedEnd, recordOf } from '../../graph/replay.ts';
import { isLasting } from '../../store/lasting.ts';
import type { SessionEntry, SessionWrites, StoredSession } from '../../store/sessions.ts';
import { decodeValue, encodeValue } from '../../task/value.ts';
import type { GraphParts } from './members.ts';

/** ms until a failed write is tried again. */
const retryAfter = 500;
/** So many tasks and objects go into an entry. */
const nodesOfEntry = 5_000;

/** Beside the graph's own records: part of a large constant, and of a submission that ends with its record. */
type Entry = GraphRecord | readonly ['put', object: number, bytes: Uint8Array] | readonly ['part', ObjectSpec[], TaskSpec[]];

/** A submission as it was accepted. */
export interface Submission {
  readonly objects: readonly ObjectSpec[];
  readonly tasks: readonly TaskSpec[];
  readonly put: ReadonlyMap<number, readonly Uint8Array[]>;
}

export class Journal {
  readonly #parts: GraphParts;
  readonly #resume: () => void;
  #sessions: StoredSession[] = [];
  #entries: SessionEntry[] = [];
  #closed: number[] = [];
  #waiting: (() => void)[] = [];
  /** What is being written, or will be tried again. */
  #batch: { readonly writes: SessionWrites; done(): void } | null = null;

  /** `resume`: it is not busy any more. */
  constructor(parts: GraphParts, resume: () => void) {
    this.#parts = parts;
    this.#resume = resume;
  }

  /** Something is not written yet. */
  get dirty(): boolean {
    return this.#batch !== null || this.#queued;
  }

  /** It writes what was flushed before. */
  get busy(): boolean {
    return this.#batch !== null;
  }

  get #queued(): boolean {
    return this.#sessions.length > 0 || this.#entries.length > 0 || this.#closed.length > 0;
  }

  session(n: number, facts: unknown): void {
    if (this.#parts.sessions !== null) this.#sessions.push({ n, facts: JSON.stringify(facts) });
  }

  note(session: GraphSession, record: GraphRecord): void {
    this.#add(session.n, record);
  }

  submission(session: GraphSession, { objects, tasks, put }: Submission): void {
    if (this.#parts.sessions === null) return;
    for (const [object, chunks] of put) for (const bytes of chunks) this.#add(session.n, ['put', object, bytes]);
    const first = objects.map(([id]) => session.nodes.get(id)).find((node) => node instanceof GraphObject)?.n ?? 0;
    let at = 0;
    for (; objects.length + tasks.length - at > nodesOfEntry; at += nodesOfEntry) {
      const someTasks = tasks.slice(Math.max(0, at - objects.length), Math.max(0, at + nodesOfEntry - objects.length));
      this.#add(session.n, ['part', objects.slice(at, at + nodesOfEntry), someTasks]);
    }
    this.#add(session.n, ['submit', first, objects.slice(at), tasks.slice(Math.max(0, at - objects.length))]);
  }

  ended(tasks: readonly GraphTask[]): void {
    const bySession = new Map<number, RecordedEnd[]>();
    for (const task of tasks) {
      const ends = bySession.get(task.session.n);
      if (ends === undefined) bySession.set(task.session.n, [recordOf(task)]);
      else ends.push(recordOf(task));
    }
    for (const [n, ends] of bySession) this.#add(n, ['ends', ends]);
  }

  close(n: number): void {
    if (this.#parts.sessions === null) return;
    this.#sessions = this.#sessions.filter((session) => session.n !== n);
    this.#entries = this.#entries.filter((entry) => entry.session !== n);
    this.#closed.push(n);
  }

  /** Writes all that was added until now, then calls `told`: at once, where that is quick or there is nothing. Not while it is `busy`. */
  flush(told: () => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const done = (): void => {
      told();
      for (const resolve of waiting) resolve();
    };
    if (this.#parts.sessions === null || !this.#queued) {
      done();
      return;
    }
    this.#batch = { writes: { sessions: this.#sessions, entries: this.#entries, closed: this.#closed }, done };
    this.#sessions = [];
    this.#entries = [];
    this.#closed = [];
    this.#write(false);
  }

  /** Resolves when all that was added until now is written. */
  committed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The records of a session, each with the bytes of large constants that belong to it. @throws ERR_DATABASE… */
  async *read(n: number): AsyncGenerator<{ readonly record: GraphRecord; readonly put: ReadonlyMap<number, readonly Uint8Array[]> }> {
    let put = new Map<number, Uint8Array[]>();
    let objects: ObjectSpec[] = [];
    let tasks: TaskSpec[] = [];
    for await (const bodies of this.#parts.sessions?.history(n) ?? []) {
      for (const body of bodies) {
        const entry = decodeValue(body) as Entry;
        if (entry[0] === 'put') {
          const parts = put.get(entry[1]);
          if (parts === undefined) put.set(entry[1], [entry[2]]);
          else parts.push(entry[2]);
        } else if (entry[0] === 'part') {
          objects.push(...entry[1]);
          tasks.push(...entry[2]);
        } else if (entry[0] === 'submit') {
          objects.push(...entry[2]);
          tasks.push(...entry[3]);
          yield { record: ['submit', entry[1], objects, tasks], put };
          put = new Map();
          objects = [];
          tasks = [];
        } else yield { record: entry, put: new Map() };
      }
    }
  }

  #add(session: number, entry: Entry): void {
    if (this.#parts.sessions !== null) this.#entries.push({ session, body: encodeValue(entry) });
  }

  /** `late`: others may have come and gone since. */
  #write(late: boolean): void {
    const batch = this.#batch!;
    try {
      const written = this.#parts.sessions!.write(batch.writes);
      if (written instanceof Promise) {
        written.then(
          () => this.#written(true),
          (thrown: unknown) => this.#failed(thrown),
        );
        return;
      }
    } catch (thrown) {
      this.#failed(thrown);
      return;
    }
    this.#written(late);
  }

  #written(late: boolean): void {
    const { done } = this.#batch!;
    this.#batch = null;
    done();
    if (late) this.#resume();
  }

  #failed(thrown: unknown): void {
    const { clock, logger, failed } = this.#parts;
    const error = MillraceError.from(thrown);
    if (isLasting(error)) {
      failed(error);
      return;
    }
    logger.error({ err: error, retryMs: retryAfter }, 'the history of a session could not be written; it will be tried again');
    clock.after(retryAfter, () => this.#write(true));
  }
}
