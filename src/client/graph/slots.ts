/**
 * Which run has which slot. Slots are borrowed from the client's core, which its queue tasks use too; one that is lent runs tiny tasks one after the
 * other for a moment before it is given back.
 */
import type { Clock } from '../../base/clock.ts';
import { NumberMap } from '../../base/number-map.ts';
import type { TaskAttributes } from '../../task/task.ts';
import type { GraphRun } from './run.ts';
import type { Running } from './running.ts';

/** A slot is given back after so long (ms), whoever else waits for one. */
const longestLoan = 20;
/** The thread is left to others after so long (ms). */
const longestTurn = 5;

/** So much of a thread's share, with what sums of parts miss, is all of it. */
const full = 1 - 1e-9;

export interface SlotsParts {
  readonly clock: Clock;
  readonly slots: number;
  borrow(key: number, attributes: TaskAttributes | null): void;
  callOff(key: number): void;
  giveBack(slot: number): void;
  readonly running: Pick<Running, 'execute' | 'share' | 'call'>;
}

export class GraphSlots {
  readonly #parts: SlotsParts;
  /** Plain runs that could start, oldest first. */
  readonly #startable: NumberMap<GraphRun> = new NumberMap();
  #turns = 0;
  /** Calls that were in a thread before, and did not begin there: of plain runs the oldest, in order. */
  readonly #returned: GraphRun[] = [];
  /** By the key that a slot was asked for with: a run with needs of its own, or null for any plain one. */
  readonly #asked: Map<number, GraphRun | null> = new Map();
  #plainAsked = 0;
  #busy = 0;
  #keys = 0;

  constructor(parts: SlotsParts) {
    this.#parts = parts;
  }

  /** Its inputs are here. */
  add(run: GraphRun): void {
    run.state = 'startable';
    if (run.plain) {
      run.turn = ++this.#turns;
      this.#startable.set(run.turn, run);
      this.#ask();
      return;
    }
    const { cpus = 1, memory, resources } = run.wire[7] ?? {};
    const key = ++this.#keys;
    this.#asked.set(key, run);
    const rest = { ...(memory === undefined ? {} : { memory }), ...(resources === undefined ? {} : { resources }) };
    this.#parts.borrow(key, { cores: cpus, ...rest });
  }

  /** It did not begin, and is where it was. */
  back(run: GraphRun): void {
    run.state = 'startable';
    const at = this.#returned.findLastIndex(({ turn }) => turn < run.turn);
    this.#returned.splice(at + 1, 0, run);
    this.#ask();
  }

  /** It has not begun. */
  remove(run: GraphRun): void {
    if (this.#startable.get(run.turn) === run && this.#startable.delete(run.turn)) return;
    const at = this.#returned.indexOf(run);
    if (at >= 0) {
      this.#returned.splice(at, 1);
      return;
    }
    for (const [key, asked] of this.#asked) {
      if (asked !== run) continue;
      this.#asked.delete(key);
      this.#parts.callOff(key);
    }
  }

  lent(slot: number, key: number): void {
    const run = this.#asked.get(key);
    this.#asked.delete(key);
    if (run === undefined) {
      this.#parts.giveBack(slot);
      return;
    }
    this.#busy++;
    if (run === null) {
      this.#plainAsked--;
      this.#work(slot, this.#parts.clock.now());
      return;
    }
    const running = this.#parts.running.execute(run);
    if (running === null) this.#free(slot);
    else void running.then(() => this.#free(slot));
  }

  get #plain(): number {
    return this.#startable.size + this.#returned.length;
  }

  #work(slot: number, since: number): void {
    const { clock } = this.#parts;
    const from = clock.now();
    if (this.#returned.length > 0 && from - since <= longestLoan) {
      this.#call(slot, since);
      return;
    }
    for (const run of this.#startable.values()) {
      const now = clock.now();
      if (now - since > longestLoan) break;
      if (now - from > longestTurn) {
        setImmediate(() => this.#work(slot, since));
        return;
      }
      if (run.isCall) {
        this.#call(slot, since);
        return;
      }
      this.#startable.delete(run.turn);
      const running = this.#parts.running.execute(run);
      if (running === null) continue;
      void running.then(() => this.#work(slot, since));
      return;
    }
    this.#free(slot);
  }

  #call(slot: number, since: number): void {
    void this.#parts.running.call(this.#calls()).then(() => this.#work(slot, since));
  }

  /** Calls that go to a thread together: no more than is left for slots that are free too, and nothing that would begin before what came before it. */
  #calls(): GraphRun[] {
    const slots = Math.max(1, this.#parts.slots - this.#busy + 1);
    const most = Math.ceil(this.#plain / slots);
    const calls: GraphRun[] = [];
    let share = 0;
    for (const run of this.#ready()) {
      if (calls.length > 0 && (!run.isCall || calls.length >= most || share >= full)) break;
      if (this.#returned[0] === run) this.#returned.shift();
      else this.#startable.delete(run.turn);
      calls.push(run);
      share += this.#parts.running.share(run);
    }
    return calls;
  }

  /** Oldest first. It takes none away: its reader does so with each before it reads on, or is given the same one again. */
  *#ready(): Generator<GraphRun> {
    for (let run = this.#returned[0]; run !== undefined; run = this.#returned[0]) yield run;
    for (const [, run] of this.#startable) yield run;
  }

  #free(slot: number): void {
    this.#busy--;
    this.#parts.giveBack(slot);
    this.#ask();
  }

  #ask(): void {
    while (this.#plainAsked < this.#plain && this.#plainAsked + this.#busy < this.#parts.slots) {
      const key = ++this.#keys;
      this.#plainAsked++;
      this.#asked.set(key, null);
      this.#parts.borrow(key, null);
    }
  }
}
