/**
 * Joins a source to whoever takes its tasks: reads, loads, bundles and sends, with back-pressure from end to end. The source
 * is not read while a bundle's worth waits, and never more than `window` bundles are unacknowledged.
 *
 * States: reading → draining (the source has ended, failed, or was stopped: everything that was read is still sent and
 * acknowledged) → over (`done` is settled). A failure of the sink or an abort goes to over at once. `pause` suspends reading
 * only. `#turn` is the one step: it runs after every event (items, acknowledgement, timer) and does all that can be done.
 */
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import type { Submitted } from '../protocol/messages.ts';
import type { TaskInput, WireTask } from '../task/task.ts';
import { type BundleLimits, Bundler } from './bundler.ts';
import { Loader, type LoaderOptions } from './loader.ts';
import type { SourceReader } from './reader.ts';

/** What became of a bundle. */
export type Receipt = Submitted[3];

/** Takes bundles, numbered from 1 in their order; resolves when one is committed. */
export interface BundleSink {
  send(sequence: number, tasks: WireTask[]): Promise<Receipt>;
}

export interface PumpOptions extends BundleLimits, LoaderOptions {
  /** Called for each committed bundle, in the order of the acknowledgements. */
  readonly onReceipt?: (receipt: Receipt, tasks: readonly WireTask[]) => void;
}

/** Counts of what was committed. */
export interface PumpTotals {
  /** Accepted and rejected, without duplicates. */
  submitted: number;
  duplicates: number;
  rejected: number;
}

/** After this long (ms) of reading the event loop gets a round. */
const longestTurn = 10;

export class Pump {
  /** The totals, when every task is committed; rejects with the error that ended it, whose details hold the totals so far. */
  readonly done: Promise<PumpTotals>;
  readonly #done: Deferred<PumpTotals> = deferred();
  readonly #reader: SourceReader;
  readonly #sink: BundleSink;
  readonly #clock: Clock;
  readonly #bundler: Bundler;
  readonly #loader: Loader;
  readonly #onReceipt: PumpOptions['onReceipt'];
  readonly #signal: AbortSignal | null;
  readonly #totals: PumpTotals = { submitted: 0, duplicates: 0, rejected: 0 };
  #state: 'reading' | 'draining' | 'over' = 'reading';
  #failure: MillraceError | null = null;
  #paused = false;
  /** A `take` has not been answered. */
  #taking = false;
  #sequence = 0;
  /** ms spent on reading since the event loop was last let go on purpose. */
  #busy = 0;
  #stopTimer: (() => void) | null = null;
  #timerAt = 0;
  #stopYield: (() => void) | null = null;

  constructor(reader: SourceReader, options: PumpOptions, sink: BundleSink, clock: Clock, signal: AbortSignal | null = null) {
    this.#loader = new Loader(reader.json ? { ...options, json: true } : options);
    this.#bundler = new Bundler(options);
    this.#reader = reader;
    this.#sink = sink;
    this.#clock = clock;
    this.#onReceipt = options.onReceipt;
    this.#signal = signal;
    this.done = this.#done.promise;
    this.done.catch(nothing); // whoever looks later still gets the error; until then it must not end the process
    if (signal?.aborted) {
      this.#aborted();
      return;
    }
    signal?.addEventListener('abort', this.#aborted, { once: true });
    this.#turn();
  }

  /** What is committed so far. */
  get totals(): Readonly<PumpTotals> {
    return this.#totals;
  }

  /** Reads no further; what was read is still sent. */
  pause(): void {
    this.#paused = true;
    this.#halt();
    this.#turn();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#turn();
  }

  /** Gives the source back; resolves, as `done`, when what was read is committed. */
  stop(): Promise<PumpTotals> {
    if (this.#state === 'reading') {
      this.#halt();
      if (this.#state === 'reading') this.#drain(null);
      this.#turn();
    }
    return this.done;
  }

  #turn(): void {
    for (;;) {
      this.#send();
      if (this.#state !== 'reading' || this.#paused || this.#taking || this.#stopYield !== null) break;
      const { room } = this.#bundler;
      if (room === 0) break;
      if (this.#busy > longestTurn) {
        this.#yield();
        break;
      }
      const began = this.#clock.now();
      this.#take(room);
      this.#busy += this.#clock.now() - began;
    }
    if (this.#state === 'draining' && this.#bundler.waiting === 0 && this.#bundler.inFlight === 0) this.#finish();
    else this.#setTimer();
  }

  /** What was read is sent, whatever comes. */
  #halt(): void {
    const items = this.#state === 'reading' ? (this.#reader.halt?.() ?? []) : [];
    if (items.length > 0) this.#load(items);
  }

  /** Reads on in a later round of the event loop: a sink that answers without one would else keep it for ever. */
  #yield(): void {
    this.#stopYield = this.#clock.after(0, () => {
      this.#stopYield = null;
      this.#busy = 0;
      this.#turn();
    });
  }

  #take(room: number): void {
    let taken: readonly TaskInput[] | Promise<readonly TaskInput[]>;
    try {
      taken = this.#reader.take(room);
    } catch (error) {
      this.#drain(MillraceError.from(error, 'ERR_SOURCE'));
      return;
    }
    if (!(taken instanceof Promise)) {
      this.#load(taken);
      return;
    }
    this.#taking = true;
    taken.then(
      (items) => {
        this.#taking = false;
        // What comes after a stop was never accepted.
        if (this.#state !== 'reading') return;
        this.#load(items);
        this.#turn();
      },
      (error: unknown) => {
        this.#taking = false;
        if (this.#state !== 'reading') return;
        this.#drain(MillraceError.from(error, 'ERR_SOURCE'));
        this.#turn();
      },
    );
  }

  #load(items: readonly TaskInput[]): void {
    const tasks: WireTask[] = [];
    try {
      if (items.length === 0) this.#drain(null);
      else this.#loader.load(items, tasks);
    } catch (error) {
      this.#drain(MillraceError.from(error));
    } finally {
      this.#bundler.add(tasks, this.#clock.now());
    }
  }

  #send(): void {
    if (this.#state === 'over') return;
    for (;;) {
      const bundle = this.#bundler.cut(this.#clock.now());
      if (bundle === null) return;
      this.#sequence += 1;
      this.#deliver(this.#sequence, bundle);
    }
  }

  #deliver(sequence: number, bundle: WireTask[]): void {
    const { length } = bundle;
    const told = this.#onReceipt === undefined ? null : withTasks(this.#onReceipt, bundle);
    sendTo(this.#sink, sequence, bundle)
      .then((receipt) => this.#acknowledged(receipt, length, told))
      .catch((error: unknown) => this.#fail(MillraceError.from(error)));
  }

  #acknowledged(receipt: Receipt, count: number, told: ((receipt: Receipt) => void) | null): void {
    this.#bundler.acknowledged();
    if (this.#state === 'over') return;
    this.#totals.submitted += count - receipt.duplicates.length;
    this.#totals.duplicates += receipt.duplicates.length;
    this.#totals.rejected += receipt.rejected;
    told?.(receipt);
    this.#turn();
  }

  /** One timer: for the bundle that is due by time alone. */
  #setTimer(): void {
    const due = this.#state === 'over' ? null : this.#bundler.due;
    if (this.#stopTimer !== null && due === this.#timerAt) return;
    this.#stopTimer?.();
    this.#stopTimer = null;
    if (due === null) return;
    this.#timerAt = due;
    this.#stopTimer = this.#clock.after(Math.max(0, due - this.#clock.now()), () => {
      this.#stopTimer = null;
      this.#turn();
    });
  }

  #drain(failure: MillraceError | null): void {
    this.#state = 'draining';
    this.#failure = failure;
    this.#bundler.end();
    void this.#reader.close();
  }

  readonly #aborted = (): void => {
    this.#fail(
      new MillraceError('ERR_ABORTED', 'the submission was aborted; what was committed before stays', { cause: this.#signal?.reason }),
    );
  };

  #fail(error: MillraceError): void {
    if (this.#state === 'over') return;
    if (this.#state === 'reading') void this.#reader.close();
    this.#failure = error;
    this.#finish();
  }

  #finish(): void {
    this.#state = 'over';
    this.#stopTimer?.();
    this.#stopYield?.();
    this.#signal?.removeEventListener('abort', this.#aborted);
    if (this.#failure === null) {
      this.#done.resolve(this.#totals);
      return;
    }
    const { code, message, details, cause } = this.#failure;
    this.#done.reject(new MillraceError(code, message, { cause, details: { ...details, ...this.#totals } }));
  }
}

// Apart from what waits for the receipt, which would else hold the tasks until it comes.

async function sendTo(sink: BundleSink, sequence: number, bundle: WireTask[]): Promise<Receipt> {
  return sink.send(sequence, bundle);
}

function withTasks(call: NonNullable<PumpOptions['onReceipt']>, bundle: readonly WireTask[]): (receipt: Receipt) => void {
  return (receipt) => call(receipt, bundle);
}

function nothing(): void {}
