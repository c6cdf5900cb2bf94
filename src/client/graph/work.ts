/**
 * Task graphs on a client, from the first order on: it gathers the inputs of the runs that it was given, runs them on borrowed slots, keeps what they make,
 * and forgets only what it is told to. Ends are kept until the server has answered them; on a new connection they are told again, with all that is held.
 */
import { MillraceError } from '../../base/errors.ts';
import { NumberMap } from '../../base/number-map.ts';
import { firstLasting, type WireEnd, type WireOrders, type WireTakes } from '../../protocol/graph-work.ts';
import type { GraphOutcome, GraphTaskRunner } from '../graph-task-runner.ts';
import { DataPaths } from './data-paths.ts';
import { Departure } from './departure.ts';
import type { RunParts } from './execution.ts';
import { Fetcher } from './fetcher.ts';
import type { GraphWorkParts } from './members.ts';
import { Reports } from './reports.ts';
import { claimsOf, GraphRun } from './run.ts';
import { Running } from './running.ts';
import { GraphSlots } from './slots.ts';
import { nothing, ObjectStore } from './store.ts';

export class GraphWork {
  readonly #parts: GraphWorkParts;
  readonly #runner: GraphTaskRunner;
  readonly #store: ObjectStore;
  readonly #fetcher: Fetcher;
  readonly #slots: GraphSlots;
  readonly #running: Running;
  readonly paths: DataPaths;
  readonly #runs: NumberMap<GraphRun> = new NumberMap();
  /** Runs that wait for an object, and how many need it here; runs that will make it. */
  readonly #waiting: NumberMap<GraphRun[]> = new NumberMap();
  readonly #users: NumberMap<number> = new NumberMap();
  readonly #makers: NumberMap<GraphRun> = new NumberMap();
  /** Objects that the server knows to be here. */
  readonly #told: NumberMap<true> = new NumberMap();
  /** Objects that it is to take from a client that leaves. */
  readonly #taking: Set<number> = new Set();
  readonly #reports: Reports;
  readonly departure: Departure;
  readonly #runParts: RunParts;
  /** One function for all runs, of which there are many tiny ones. */
  readonly #isTold = (n: number): void => {
    if (this.#store.has(n)) this.#told.set(n, true);
  };
  readonly #use = (n: number): void => void this.#users.set(n, (this.#users.get(n) ?? 0) + 1);
  readonly #unuse = (n: number): void => {
    const users = this.#users.get(n)! - 1;
    if (users > 0) this.#users.set(n, users);
    else {
      this.#users.delete(n);
      this.#spare(n);
    }
  };
  #closed = false;
  #leaving = false;

  constructor(parts: GraphWorkParts, runner: GraphTaskRunner) {
    this.#parts = parts;
    this.#runner = runner;
    this.#reports = new Reports(parts);
    this.departure = new Departure({ clock: parts.clock, keep: (busy) => parts.feed({ type: 'keep', busy }) });
    this.#store = new ObjectStore(parts.spoolFolder, parts.memory, parts.logger);
    this.paths = new DataPaths(parts, this.#store);
    this.#runParts = {
      store: this.#store,
      progress: (number, value) => {
        this.#running.spoke(this.#runs.get(number));
        this.#reports.said(number, value);
      },
      spoiled: (n) => this.#store.drop(n),
    };
    this.#fetcher = new Fetcher({
      store: this.#store,
      sources: (n, size) => this.paths.sources(n, size),
      arrived: (n) => this.#available(n),
      failed: (n) => this.#unavailable(n),
    });
    this.#running = new Running({
      clock: parts.clock,
      runner,
      begun: (run) => this.#reports.begun(run),
      over: (run, made, thrown, startedAt, durationMs) => this.#over(run, made, thrown, startedAt, durationMs),
      back: (run) => this.#back(run),
    });
    this.#slots = new GraphSlots({
      clock: parts.clock,
      slots: parts.slots,
      borrow: (key, attributes) => parts.feed({ type: 'borrow', key, attributes }),
      callOff: (key) => parts.feed({ type: 'borrow-off', key }),
      giveBack: (slot) => parts.feed({ type: 'return', slot }),
      running: this.#running,
    });
  }

  lent(slot: number, key: number): void {
    this.#slots.lent(slot, key);
  }

  orders({ acknowledged, refused, cancel, drop, runs, forget, recall }: WireOrders): void {
    this.#settle(acknowledged, refused);
    for (const number of cancel) this.#cancel(number);
    for (const n of drop) {
      this.#told.delete(n);
      this.#spare(n);
    }
    for (const wire of runs) this.#add(new GraphRun(wire, this.#runParts));
    for (const session of forget) this.#runner.forget(session);
    if (recall > 0) this.#recall(recall);
  }

  /** From a client that leaves. */
  take({ objects }: WireTakes): void {
    for (const [n, size] of objects) {
      this.#taking.add(n);
      if (this.#store.has(n)) this.#available(n);
      else this.#fetcher.want(n, size);
    }
  }

  /** A new connection: all that is here, as the server has to know it. */
  connected(): void {
    const { sequence, runs: ended, ends, before } = this.#reports.anew();
    // Perhaps only the answer was lost: the server says so of what it does not know of.
    for (const run of ended) if (run.end?.[1] === 0) run.each(this.#isTold);
    const open = [...this.#runs.values()].filter(({ state }) => state !== 'ended' && state !== 'cancelled');
    const runs = open.map(({ number }) => number);
    for (const part of before) this.#parts.send('graph.held', { sequence, ends: part, runs: [], objects: [], more: true });
    this.#parts.send('graph.held', { sequence, ends, runs, objects: [...this.#told.keys()], ...claimsOf(this.#runs.values()) });
    for (const run of open) if (run.state === 'running') this.#reports.begun(run);
    this.paths.connected();
    if (this.#leaving) this.#parts.send('graph.leaving', { now: false });
  }

  /** Another server, or with `lasting` the same one after a restart: nothing of before counts but what is of persistent sessions. */
  reset(lasting: boolean): void {
    for (const run of [...this.#runs.values()]) if (!run.outlives(lasting)) this.#end(run);
    this.#reports.keepOnly((run) => this.#runs.get(run.number) === run);
    this.#taking.clear();
    const gone = [...this.#told.keys()].filter((n) => !lasting || n < firstLasting);
    for (const n of gone) this.#told.delete(n);
    for (const n of gone) this.#spare(n);
  }

  /** Begins nothing more; `now`: what runs is stopped too. */
  leave(now: boolean): void {
    this.departure.begin(now);
    if (!this.#leaving) this.#parts.send('graph.leaving', { now });
    this.#running.relieve();
    this.#leaving = true;
    if (!this.#parts.online()) this.departure.over();
    const back = [...this.#runs.values()].filter((run) => run.isToBeGiven || (now && run.isGiven));
    if (back.length > 0) this.#giveBack(back);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.departure.over();
    this.#reports.close();
    for (const run of [...this.#runs.values()]) this.#stop(run);
    await Promise.all([this.#runner.close(), this.paths.close()]);
    this.#store.close();
  }

  #add(run: GraphRun): void {
    if (this.#leaving) {
      this.#parts.send('graph.back', { runs: [run.number] });
      return;
    }
    this.#runs.set(run.number, run);
    run.each(this.#use);
    for (let at = 0; at < run.inputs.length; at++) {
      const wire = run.inputs[at]!;
      const n = wire[0];
      const size = wire[5];
      if (this.#store.has(n)) continue;
      const bytes = wire[6] ?? (size === 0 && !this.#makers.has(n) ? nothing : null);
      if (bytes !== null) {
        this.#store.addBytes(n, bytes);
        continue;
      }
      const waiting = this.#waiting.get(n);
      // The same object again.
      if (waiting?.at(-1) === run) continue;
      run.missing++;
      if (waiting === undefined) this.#waiting.set(n, [run]);
      else waiting.push(run);
      if (!this.#makers.has(n)) this.#fetcher.want(n, size);
    }
    for (const output of run.outputs) this.#makers.set(output[0], run);
    if (run.missing === 0) this.#slots.add(run);
  }

  #available(n: number): void {
    if (this.#taking.delete(n)) {
      this.#told.set(n, true);
      this.#reports.took(n, true);
    }
    const waiting = this.#waiting.get(n);
    if (waiting === undefined) {
      this.#spare(n);
      return;
    }
    this.#waiting.delete(n);
    for (const run of waiting) if (--run.missing === 0 && run.state === 'waiting') this.#slots.add(run);
  }

  #unavailable(n: number): void {
    if (this.#taking.delete(n)) this.#reports.took(n, false);
    const waiting = this.#waiting.get(n) ?? [];
    this.#waiting.delete(n);
    for (const run of waiting) if (run.state === 'waiting') this.#tell(run, [run.number, 2, [n]]);
  }

  /** It was in a thread, and did not begin. */
  #back(run: GraphRun): void {
    run.clean();
    if (!run.isGiven || this.#closed) return;
    this.#slots.back(run);
    if (this.#leaving) this.#giveBack([run]);
  }

  #giveBack(runs: readonly GraphRun[]): void {
    for (const { number } of runs) this.#cancel(number);
    this.#parts.send('graph.back', { runs: runs.map(({ number }) => number) });
  }

  /** It has ended, by what it made or what it threw; of one that was cancelled nobody wants to know. */
  #over(run: GraphRun, made: GraphOutcome | null, thrown: unknown, startedAt: number, durationMs: number): void {
    if (!run.isGiven || this.#closed) {
      run.clean();
      return;
    }
    const end = made === null ? run.failed(thrown, startedAt, durationMs) : run.made(made, startedAt, durationMs);
    run.clean();
    this.#tell(run, end);
    if (end[1] === 0) for (const output of run.outputs) this.#available(output[0]);
  }

  #tell(run: GraphRun, end: WireEnd): void {
    run.state = 'ended';
    run.end = end;
    this.#unmake(run);
    this.#reports.ended(run);
  }

  /** The server has heard of these ends: what is here for them is known there now, or is of no use. */
  #settle(acknowledged: number, refused: readonly number[]): void {
    for (const run of this.#reports.answered(acknowledged)) {
      if (this.#runs.get(run.number) !== run) continue;
      this.#runs.delete(run.number);
      const accepted = refused.length === 0 || !refused.includes(run.number);
      if (accepted) run.each(this.#isTold);
      this.#leave(run);
    }
  }

  #cancel(number: number): void {
    const run = this.#runs.get(number);
    if (run === undefined || run.state === 'ended') return;
    this.#end(run);
  }

  #end(run: GraphRun): void {
    this.#stop(run);
    this.#runs.delete(run.number);
    this.#leave(run);
  }

  #stop(run: GraphRun): void {
    const { state } = run;
    run.state = state === 'ended' ? 'ended' : 'cancelled';
    if (state === 'startable') this.#slots.remove(run);
    else if (state === 'running' || state === 'placed') run.abort(new MillraceError('ERR_ABORTED', 'the task was stopped'));
    this.#unmake(run);
  }

  #unmake(run: GraphRun): void {
    for (const output of run.outputs) if (this.#makers.get(output[0]) === run) this.#makers.delete(output[0]);
  }

  #leave(run: GraphRun): void {
    run.each(this.#unuse);
  }

  /** It goes, unless the server knows that it is here, or a run needs it. */
  #spare(n: number): void {
    if (this.#told.has(n) || this.#users.has(n) || this.#taking.has(n)) return;
    this.#waiting.delete(n);
    this.#fetcher.callOff(n);
    this.#store.drop(n);
  }

  /** The last that have not begun. */
  #recall(most: number): void {
    this.#running.relieve();
    const runs = [...this.#runs.values()].filter(({ isToBeGiven }) => isToBeGiven).slice(-most);
    this.#giveBack(runs);
  }
}
