/**
 * Results on their way: buffered, sent in numbered messages, kept until the server has settled them. A new connection sends all of
 * them again under new numbers; the server knows by their grants what it has.
 */
import type { Message } from '../../protocol/messages.ts';
import { outcomeCode, type WireResult } from '../../task/result.ts';
import { extraSize } from '../../task/size.ts';
import type { ExecutionEnd } from '../executor.ts';
import { fitted } from './fit.ts';
import { type HeldTask, resultsOf } from './held.ts';

type Entry = readonly [HeldTask, WireResult];

/** One message carries at most this much output and values, estimated (bytes), or a single result. */
const mostBytes = 2 ** 20;

export class Outgoing {
  readonly #bundlesize: number;
  readonly #bundlewait: number;
  #buffer: Entry[] = [];
  #unsettled: { sequence: number; entries: Entry[] }[] = [];
  #sequence = 0;
  #since = Number.POSITIVE_INFINITY;
  #unsettledTasks = 0;

  constructor(bundlesize: number, bundlewait: number) {
    this.#bundlesize = bundlesize;
    this.#bundlewait = bundlewait;
  }

  /** Results that the server has not settled. */
  get size(): number {
    return this.#buffer.length + this.#unsettledTasks;
  }

  /** When a partial bundle must leave. */
  get due(): number {
    return this.#buffer.length === 0 ? Number.POSITIVE_INFINITY : this.#since + this.#bundlewait;
  }

  add(task: HeldTask, result: WireResult, now: number): void {
    if (this.#buffer.length === 0) this.#since = now;
    this.#buffer.push([task, result]);
  }

  /**
   * The messages that may leave now: full bundles, what has waited long enough, and when the client is not `busy` (much is done, more is in
   * hand: nobody waits for a single result) also whatever there is, once nothing is on its way. Bundles of one or two results cost
   * the server a commit each: at 600 commands/s a third of its thread.
   */
  *messages(now: number, all: boolean, busy: boolean): Iterable<Message> {
    this.#buffer = this.#buffer.some((entry) => entry[0].phase === 'dropped')
      ? this.#buffer.filter((entry) => entry[0].phase !== 'dropped')
      : this.#buffer;
    const full = this.#buffer.length >= this.#bundlesize;
    if (this.#buffer.length === 0 || !(all || full || (!busy && this.#unsettled.length === 0) || now >= this.due)) return;
    const entries = this.#buffer;
    this.#buffer = [];
    let from = 0;
    let bytes = 0;
    for (let to = 1; to <= entries.length; to++) {
      bytes += weight(entries[to - 1]![1]);
      if (to < entries.length && bytes + weight(entries[to]![1]) <= mostBytes) continue;
      const part = from === 0 && to === entries.length ? entries : entries.slice(from, to);
      const sequence = ++this.#sequence;
      this.#unsettled.push({ sequence, entries: part });
      this.#unsettledTasks += part.length;
      yield ['results', sequence, resultsOf(part)];
      from = to;
      bytes = 0;
    }
  }

  /** The server has settled every message up to this one: its tasks leave. */
  settled(sequence: number, leave: (task: HeldTask) => void): void {
    while (this.#unsettled[0] !== undefined && this.#unsettled[0].sequence <= sequence) {
      const { entries } = this.#unsettled.shift()!;
      this.#unsettledTasks -= entries.length;
      for (const entry of entries) leave(entry[0]);
    }
  }

  /** The connection is gone: all that is not settled will be sent again. */
  rewind(now: number): void {
    if (this.#unsettled.length > 0) this.#buffer = [...this.#unsettled.flatMap(({ entries }) => entries), ...this.#buffer];
    this.#unsettled = [];
    this.#unsettledTasks = 0;
    this.#sequence = 0;
    this.#since = now;
  }
}

/** An attempt's end as it travels; `timedOut`: its ladder was started because its time was up. */
export function resultOf(task: HeldTask, slot: number, end: ExecutionEnd, timedOut: boolean): WireResult {
  const { outcome, exitStatus, startedAt, durationMs, extra } = fitted(end, task.args);
  return [task.n, timedOut ? outcomeCode.timeout : outcomeCode[outcome], exitStatus, startedAt, durationMs, slot, extra];
}

function weight(result: WireResult): number {
  const extra = result[6];
  return extra === null ? 30 : 100 + extraSize(extra);
}
