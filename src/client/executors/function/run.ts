/**
 * What a slot runs: the calls that it was given, which of them have ended, and how each end is told. It goes through one batch, and one more
 * for each crash of its thread: a batch is what of it is left, `from` on.
 */
import type { MessagePort } from 'node:worker_threads';
import { MillraceError } from '../../../base/errors.ts';
import { libraryError, type ResultExtra } from '../../../task/result.ts';
import type { Execution, ExecutionEnd } from '../../executor.ts';
import { type Batch, type CallEnd, type CallFacts, type Journal, mostSkips } from './journal.ts';
import type { CallLimits } from './options.ts';

/** Text that a store can keep as text. */
function stored(text: string): string | Uint8Array {
  return text.includes('\0') || /\p{Surrogate}/u.test(text) ? Uint8Array.from(Buffer.from(text)) : text;
}

function factsOf({ group = 0, tags, parents, trace }: Execution): CallFacts | null {
  if (group === 0 && tags === undefined && parents === undefined && trace === undefined) return null;
  return { group, tags: tags ?? {}, parents: parents ?? [], ...(trace === undefined ? {} : { trace }) };
}

/** Ends the thread of a run: what piscina takes for a signal. The first listener of an `AbortSignal` took 45 µs of the start of a call on an idle client. */
export class Killer {
  readonly #listeners: Set<() => void> = new Set();
  aborted = false;

  once(_name: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  off(_name: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** Piscina calls `off` so. */
  removeListener(name: 'abort', listener: () => void): void {
    this.off(name, listener);
  }

  abort(): void {
    this.aborted = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}

export class Run {
  executions: readonly Execution[];
  readonly killer: Killer = new Killer();
  /** Marks what was reported. */
  readonly #ended: Uint8Array;
  /** What calls logged before their end, by place. */
  #logs: Map<number, string> | null = null;
  /** Places of calls that shall not begin. */
  #cancelled: Set<number> | null = null;
  /** The place of the call that the thread was killed for; null: for all. */
  target: number | null = null;
  from = 0;
  batch = 0;
  /** Ends, and words said before them, that came of this batch. */
  received = 0;
  heard = 0;
  aborted = false;
  /** The system had no thread for it: nothing of it runs, and it is given back soon. */
  refused = false;
  abortPort: MessagePort | null = null;
  /** The place of the call that listens to that port. */
  abortAt = -1;

  constructor(executions: readonly Execution[]) {
    this.executions = executions;
    this.#ended = new Uint8Array(executions.length);
  }

  /** What the run has not come to yet, for a thread. */
  pack(slot: number, journal: Journal, limits: CallLimits): Batch {
    const places = new Map<string, number>();
    const targets: string[] = [];
    let commons: (string | Uint8Array | undefined)[] | null = null;
    const calls: (string | number | Uint8Array | null)[] = [];
    let facts: Map<number, CallFacts> | null = null;
    for (let at = this.from; at < this.executions.length; at++) {
      const execution = this.executions[at]!;
      const { id, attempt, command, input, common } = execution;
      const name = common === undefined ? command : typeof common === 'string' ? `${command} ${common}` : null;
      let place = name === null ? undefined : places.get(name);
      if (place === undefined) {
        place = targets.push(command) - 1;
        if (name !== null) places.set(name, place);
        if (common !== undefined) {
          commons ??= [];
          commons[place] = common;
        }
      }
      calls.push(id, attempt, place, input);
      const own = factsOf(execution);
      if (own === null) continue;
      facts ??= new Map();
      facts.set(at - this.from, own);
    }
    for (const at of this.#cancelled ?? []) if (at >= this.from) journal.skip(at - this.from);
    return { slot, number: this.batch, targets, commons, calls, facts, limits, shared: journal.buffer };
  }

  /** The place of an execution that has not ended; -1: it has. */
  placeOf(key: number): number {
    const at = this.executions.findIndex((execution) => execution.key === key);
    return at < this.from || this.hasEnded(at) ? -1 : at;
  }

  /** The thread has sent more than came. */
  isBehind(journal: Journal): boolean {
    return this.received < journal.sent || this.heard < journal.said;
  }

  /** The calls behind the one that runs leave the run: their ends, which say that they did not begin. */
  relieve(journal: Journal, wall: number): ExecutionEnd[] {
    const { running } = journal;
    const places = this.executions.length - this.from;
    if (running < 0 || places > mostSkips) return [];
    for (let place = running + 1; place < places; place++) journal.skip(place);
    // A call is said to run before it looks whether it shall: what is behind the one that runs now sees that it shall not.
    const first = this.from + journal.running + 1;
    const ends: ExecutionEnd[] = [];
    for (let at = first; at < this.executions.length; at++) ends.push(this.notStarted(at, 'the call before it takes long', wall));
    this.executions = this.executions.slice(0, first);
    return ends;
  }

  cancel(at: number): void {
    this.#cancelled ??= new Set();
    this.#cancelled.add(at);
  }

  isCancelled(at: number): boolean {
    return this.#cancelled?.has(at) ?? false;
  }

  hasEnded(at: number): boolean {
    return this.#ended[at] !== 0;
  }

  log(at: number, lines: string): void {
    this.#logs ??= new Map();
    this.#logs.set(at, (this.#logs.get(at) ?? '') + lines);
  }

  /** The end that the thread told; `place`: in the batch. What it logged was added before. */
  end(told: CallEnd): ExecutionEnd {
    const at = this.from + told[0];
    const value = told[3];
    const error = told[4];
    const extras = told[5];
    this.#ended[at] = 1;
    const { key } = this.executions[at]!;
    let extra: ResultExtra | null = this.#logged(at);
    if (error !== null) extra = { ...extra, error };
    else if (value !== null) extra = { ...extra, value };
    if (extras?.path !== undefined) extra = { ...extra, valuePath: extras.path };
    if (extras?.truncated) extra = { ...extra, truncated: true };
    return { key, outcome: error === null ? 'succeeded' : 'failed', exitStatus: null, startedAt: told[1], durationMs: told[2], extra };
  }

  /** The end of a call whose thread ended under it; `error` null: it was killed. */
  casualty(at: number, error: string | null, wall: number): ExecutionEnd {
    const end = this.#bareEnd(at, wall);
    const logged = this.#logged(at);
    if (error === null) return { ...end, extra: { ...logged, signal: 'SIGKILL' } };
    return { ...end, extra: { ...logged, error: libraryError('ERR_WORKER_CRASHED', error) } };
  }

  /** The end of a call that did not begin: cancelled, or to be given back. */
  notStarted(at: number, reason: string, wall: number): ExecutionEnd {
    const end = this.#bareEnd(at, wall);
    if (this.isCancelled(at)) return { ...end, extra: { signal: 'SIGKILL' } };
    return { ...end, notStarted: new MillraceError('ERR_THREAD', `the call did not begin: ${reason}`) };
  }

  #logged(at: number): ResultExtra | null {
    const log = this.#logs?.get(at);
    return log === undefined ? null : { stdout: stored(log) };
  }

  #bareEnd(at: number, startedAt: number): ExecutionEnd {
    this.#ended[at] = 1;
    return { key: this.executions[at]!.key, outcome: 'failed', exitStatus: null, startedAt, durationMs: 0, extra: null };
  }
}
