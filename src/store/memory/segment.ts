/**
 * 4,096 tasks as columns. A task as natural objects costs some 800 bytes, here its command line, 8 bytes of time and 2 of state;
 * columns that most tasks leave at their default exist only once a task of the segment differs.
 */
import type { TaskAttributes, WireTask } from '../../task/task.ts';
import { type Move, type StoredTask, storedState } from '../store.ts';

export const segmentSize = 4096;

/** No task at this place: never accepted, or forgotten. */
export const vacant = 255;

/** A column of numbers that costs nothing while all of them are the default. */
class SparseColumn {
  readonly #unset: number;
  #values: Float64Array | null = null;

  constructor(unset: number) {
    this.#unset = unset;
  }

  get(i: number): number {
    return this.#values === null ? this.#unset : (this.#values[i] as number);
  }

  set(i: number, value: number): void {
    if (this.#values === null) {
      if (Object.is(value, this.#unset)) return;
      this.#values = new Float64Array(segmentSize).fill(this.#unset);
    }
    this.#values[i] = value;
  }
}

/** Bytes on their own: a view into a received frame would keep the whole frame alive. */
export function ownBytes<T>(value: T): T | Uint8Array {
  return value instanceof Uint8Array && value.buffer.byteLength > value.byteLength ? new Uint8Array(value) : value;
}

export class Segment {
  /** The number of its first task. */
  readonly first: number;
  readonly state: Uint8Array = new Uint8Array(segmentSize).fill(vacant);
  readonly group: SparseColumn = new SparseColumn(0);
  readonly rank: SparseColumn = new SparseColumn(0);
  readonly attempts: SparseColumn = new SparseColumn(0);
  readonly losses: SparseColumn = new SparseColumn(0);
  /** NaN: not by time. */
  readonly readyAt: SparseColumn = new SparseColumn(Number.NaN);
  /** The ordinal of the recorded end, from 1; 0: not done. */
  readonly ended: SparseColumn = new SparseColumn(0);
  /** Places in use. */
  used = 0;
  readonly #kind = new Uint8Array(segmentSize);
  readonly #submittedAt = new Float64Array(segmentSize);
  readonly #args: string[] = [];
  #inputs: (string | Uint8Array | null)[] | null = null;
  /** As JSON text: an object per task costs several times as much, and tasks of one bundle often share the text. */
  #attributes: (string | null)[] | null = null;
  #latestAttributes = '';
  #lanes: (string | null)[] | null = null;

  constructor(first: number) {
    this.first = first;
  }

  add(i: number, stored: StoredTask): void {
    const [kind, args, input, attributes] = stored.task;
    this.#kind[i] = kind;
    while (this.#args.length < i) this.#args.push('');
    this.#args[i] = args;
    if (input !== null) {
      this.#inputs ??= new Array<null>(segmentSize).fill(null);
      this.#inputs[i] = ownBytes(input);
    }
    this.change(i, attributes);
    if (stored.lane !== null) {
      this.#lanes ??= new Array<null>(segmentSize).fill(null);
      this.#lanes[i] = stored.lane;
    }
    this.#submittedAt[i] = stored.submittedAt;
    this.place(i, stored);
    this.used++;
  }

  change(i: number, attributes: TaskAttributes | null): void {
    if (attributes === null) {
      if (this.#attributes !== null) this.#attributes[i] = null;
      return;
    }
    this.#attributes ??= new Array<null>(segmentSize).fill(null);
    const text = JSON.stringify(attributes);
    if (text !== this.#latestAttributes) this.#latestAttributes = text;
    this.#attributes[i] = this.#latestAttributes;
  }

  lane(i: number): string | null {
    return this.#lanes?.[i] ?? null;
  }

  /** Where a task that is not done stands. */
  place(i: number, place: Omit<Move, 'n'>): void {
    if (this.state[i] === storedState.done) this.ended.set(i, 0);
    this.state[i] = place.state;
    this.group.set(i, place.group);
    this.rank.set(i, place.rank);
    this.attempts.set(i, place.attempts);
    this.losses.set(i, place.losses);
    this.readyAt.set(i, place.readyAt ?? Number.NaN);
  }

  end(i: number, ordinal: number): void {
    this.state[i] = storedState.done;
    this.ended.set(i, ordinal);
  }

  /** Forget a task and free what it held. */
  remove(i: number): void {
    this.state[i] = vacant;
    this.#args[i] = '';
    if (this.#inputs !== null) this.#inputs[i] = null;
    if (this.#attributes !== null) this.#attributes[i] = null;
    if (this.#lanes !== null) this.#lanes[i] = null;
    this.used--;
  }

  submittedAt(i: number): number {
    return this.#submittedAt[i] as number;
  }

  attributes(i: number): TaskAttributes | null {
    const text = this.#attributes?.[i] ?? null;
    return text === null ? null : (JSON.parse(text) as TaskAttributes);
  }

  task(i: number): WireTask {
    return [this.#kind[i] as number, this.#args[i] as string, this.#inputs?.[i] ?? null, this.attributes(i)];
  }

  stored(i: number): StoredTask {
    const readyAt = this.readyAt.get(i);
    return {
      group: this.group.get(i),
      rank: this.rank.get(i),
      n: this.first + i,
      submittedAt: this.submittedAt(i),
      lane: this.lane(i),
      task: this.task(i),
      state: this.state[i] as number,
      attempts: this.attempts.get(i),
      losses: this.losses.get(i),
      readyAt: Number.isNaN(readyAt) ? null : readyAt,
    };
  }
}
