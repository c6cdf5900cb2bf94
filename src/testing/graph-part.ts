/**
 * A client of the graph in the simulation: it keeps what it made, runs what it was told in an order of chance, fetches what it lacks from others,
 * and forgets only what it is told to. What is on its way is lost with its connection.
 */
import type { Claim, ClientOrders, GraphEvent, RunEnd } from '../graph/effects.ts';
import type { GraphCapacity, GraphObject } from '../graph/entities.ts';
import type { Random } from './random.ts';

/** A run as it travels: numbers of objects only. */
interface PartRun {
  readonly run: number;
  readonly session: number;
  readonly task: number;
  readonly fails: boolean;
  readonly inputs: readonly { readonly n: number; readonly constant: boolean; readonly id: number }[];
  readonly outputs: readonly number[];
}

interface PartMessage {
  readonly refused: readonly number[];
  readonly cancel: readonly number[];
  readonly drop: readonly number[];
  readonly run: readonly PartRun[];
  readonly recall: number;
  /** The ends of these runs have come. */
  readonly acknowledged: readonly number[];
  /** What to take from a client that leaves; it may go itself. */
  readonly take: readonly number[];
  readonly free: boolean;
}

const nothing: PartMessage = { refused: [], cancel: [], drop: [], run: [], recall: 0, acknowledged: [], take: [], free: false };

/** What other clients hold, as a fetch sees it. */
export type Fetch = (n: number) => number | null;

function madeOf(task: number, inputs: readonly number[], place: number): number {
  let value = Math.imul(task + 1, 0x9e3779b1) ^ place;
  for (const input of inputs) value = Math.imul(value ^ input, 0x01000193) ^ (value >>> 13);
  return value | 0;
}

/** The value that an object has when nothing went wrong. `values`: those that are known. */
export function expectedOf(object: GraphObject, values: Map<GraphObject, number>): number {
  if (object.constant) return object.id;
  const known = values.get(object);
  if (known !== undefined) return known;
  const producer = object.producer!;
  const value = madeOf(
    producer.id,
    producer.inputs.map((input) => expectedOf(input, values)),
    producer.outputs.indexOf(object),
  );
  values.set(object, value);
  return value;
}

export class GraphPart {
  readonly id: string;
  /** Values by the number of their object, and those of them that the server knows of. */
  readonly store: Map<number, number> = new Map();
  readonly told: Set<number> = new Set();
  connected = true;
  alive = true;
  /** It begins nothing more, and goes when it is let go. */
  leaving = false;
  readonly #taking: Set<number> = new Set();
  readonly #random: Random;
  readonly #runs: Map<number, PartRun> = new Map();
  readonly #inbox: PartMessage[] = [];
  #outbox: GraphEvent[] = [];
  /** Ends that the server may not have heard of, by run, with what is here for them. */
  readonly #ends: Map<number, { readonly end: RunEnd; readonly run: PartRun }> = new Map();

  constructor(id: string, random: Random) {
    this.id = id;
    this.#random = random;
  }

  get idle(): boolean {
    return this.#inbox.length === 0 && this.#outbox.length === 0 && this.#runs.size === 0 && this.#taking.size === 0;
  }

  get hears(): boolean {
    return this.connected && this.#inbox.length > 0;
  }

  get speaks(): boolean {
    return this.connected && this.#outbox.length > 0;
  }

  get works(): boolean {
    return this.#runs.size > 0;
  }

  /** It has something to take. */
  get takes(): boolean {
    return this.connected && this.#taking.size > 0;
  }

  tellOf(message: Pick<PartMessage, 'take' | 'free'>): void {
    this.#inbox.push({ ...nothing, ...message });
  }

  /** What has not begun goes back; some runs have begun. */
  leave(): void {
    this.leaving = true;
    this.#outbox.push({ type: 'client-closing', id: this.id });
    const back = [...this.#runs.values()].filter(() => this.#random.chance(0.7));
    this.#back(back);
  }

  /** One of what it was told to take is here, or could not be had. */
  take(fetch: Fetch): void {
    const n = this.#random.pick([...this.#taking]);
    this.#taking.delete(n);
    const value = this.store.get(n) ?? fetch(n);
    if (value !== null) {
      this.store.set(n, value);
      this.told.add(n);
    }
    this.#outbox.push({ type: 'took', client: this.id, objects: value === null ? [] : [n], failed: value === null ? [n] : [] });
  }

  tell({ refused, cancel, drop, run, recall }: ClientOrders, acknowledged: readonly number[], fails: (task: number) => boolean): void {
    const runs = run.map((task) => ({
      run: task.run,
      session: task.session.n,
      task: task.id,
      fails: fails(task.id),
      inputs: task.inputs.map(({ n, constant, id }) => ({ n, constant, id })),
      outputs: task.outputs.map(({ n }) => n),
    }));
    this.#inbox.push({ ...nothing, refused: [...refused], cancel: [...cancel], drop: [...drop], run: runs, recall, acknowledged });
  }

  acknowledge(acknowledged: readonly number[]): void {
    this.#inbox.push({ ...nothing, acknowledged });
  }

  /** The next thing that it has to say; null: none. */
  say(): GraphEvent | null {
    return this.#outbox.shift() ?? null;
  }

  disconnect(): void {
    this.connected = false;
    this.#inbox.length = 0;
    this.#outbox = [];
  }

  /** Its server was lost and is started again: of all that is not lasting nobody knows any more. */
  forget(isLasting: (n: number) => boolean): void {
    this.disconnect();
    for (const number of [...this.#ends.keys()]) if (!isLasting(number)) this.#ends.delete(number);
    for (const number of [...this.#runs.keys()]) if (!isLasting(number)) this.#runs.delete(number);
    for (const n of [...this.told]) if (!isLasting(n)) this.told.delete(n);
    this.#taking.clear();
    for (const n of [...this.store.keys()]) this.#spare(n);
  }

  /** Its ends again, then all that it holds. */
  reconnect(capacity: GraphCapacity): void {
    this.connected = true;
    const ends = [...this.#ends.values()];
    // Perhaps its answer was lost, and the server knows of all that: it says so of what it is told now.
    for (const { end, run } of ends)
      if ('outputs' in end) for (const n of [...run.inputs.map((input) => input.n), ...run.outputs]) this.told.add(n);
    const runs = [...this.#runs.keys()];
    const held = [...ends.map(({ run }) => run), ...this.#runs.values()];
    const claims = held.map(({ run, session, task }): Claim => [run, session, task]);
    const objects = [...this.told];
    this.#outbox = [{ type: 'client-resumed', id: this.id, ends: ends.map(({ end }) => end), runs, objects, claims, capacity }];
    if (this.leaving) this.#outbox.push({ type: 'client-closing', id: this.id });
  }

  hear(): void {
    const message = this.#inbox.shift()!;
    for (const run of message.acknowledged) this.#settle(run, !message.refused.includes(run));
    for (const run of message.cancel) this.#cancel(run);
    for (const n of message.drop) this.#drop(n);
    for (const run of message.run) this.#runs.set(run.run, run);
    if (this.leaving && message.run.length > 0) this.#back(message.run);
    for (const n of message.take) this.#taking.add(n);
    if (message.recall > 0) this.#giveBack(message.recall);
    if (message.free) this.#outbox.push({ type: 'client-left', id: this.id });
  }

  /** One of its runs ends, if one can. */
  work(fetch: Fetch, constant: (id: number) => number, ran: (session: number, task: number) => void): void {
    const made = new Set([...this.#runs.values()].flatMap(({ outputs }) => outputs));
    const startable = [...this.#runs.values()].filter(({ inputs }) => inputs.every(({ n }) => this.store.has(n) || !made.has(n)));
    if (startable.length === 0) return;
    const run = this.#random.pick(startable);
    const values: number[] = [];
    const lost: number[] = [];
    for (const { n, constant: given, id } of run.inputs) {
      const value = this.store.get(n) ?? (given ? constant(id) : fetch(n));
      if (value === null) lost.push(n);
      else {
        this.store.set(n, value);
        values.push(value);
      }
    }
    this.#runs.delete(run.run);
    if (lost.length === 0) ran(run.session, run.task);
    if (lost.length > 0) this.#end({ run: run.run, lost }, run);
    else if (run.fails) {
      const failure = { code: 'ERR_TASK', message: 'as planned', debug: '', stderr: '' };
      this.#end({ run: run.run, failure, startedAt: 0, durationMs: 1 }, run);
    } else {
      for (const [place, n] of run.outputs.entries()) this.store.set(n, madeOf(run.task, values, place));
      const durationMs = this.#random.pick([0.01, 1, 20, 200]);
      this.#end({ run: run.run, outputs: run.outputs.map(() => [8, null, null]), info: null, debug: '', startedAt: 0, durationMs }, run);
    }
  }

  #end(end: RunEnd, run: PartRun): void {
    this.#ends.set(run.run, { end, run });
    if (this.connected) this.#outbox.push({ type: 'ended', client: this.id, ends: [end] });
  }

  /** The server has heard of its end: what is here for it is known there now, or is of no use. */
  #settle(number: number, accepted: boolean): void {
    const settled = this.#ends.get(number);
    if (settled === undefined) return;
    this.#ends.delete(number);
    const { inputs, outputs } = settled.run;
    for (const n of [...inputs.map((input) => input.n), ...outputs]) {
      if (accepted && this.store.has(n)) this.told.add(n);
      else this.#spare(n);
    }
  }

  #cancel(number: number): void {
    const run = this.#runs.get(number);
    if (run === undefined) return;
    this.#runs.delete(number);
    for (const { n } of run.inputs) this.#spare(n);
  }

  #drop(n: number): void {
    this.told.delete(n);
    this.#spare(n);
  }

  /** It goes, unless the server knows that it is here, or a run is for it. */
  #spare(n: number): void {
    if (this.told.has(n) || this.#taking.has(n)) return;
    for (const { inputs } of this.#runs.values()) if (inputs.some((input) => input.n === n)) return;
    for (const { run, end } of this.#ends.values())
      if ('outputs' in end && (run.outputs.includes(n) || run.inputs.some((input) => input.n === n))) return;
    this.store.delete(n);
  }

  #giveBack(most: number): void {
    this.#back([...this.#runs.values()].slice(-most));
  }

  #back(runs: readonly PartRun[]): void {
    for (const run of runs) {
      this.#runs.delete(run.run);
      for (const { n } of run.inputs) this.#spare(n);
    }
    this.#outbox.push({ type: 'given-back', client: this.id, runs: runs.map(({ run }) => run) });
  }
}
