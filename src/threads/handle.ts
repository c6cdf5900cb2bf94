/**
 * The host's side of a component: starting, waiting, stopping, typed events. Servers, clients and submitters extend it with what is their own.
 *
 * States. *starting*: from the constructor until `open` resolves; every failure rejects `open`. *running*: requests are answered, events
 * come. *stopping*: `stop` was called; the same, until the end. *ended*: the thread is gone; `join` gives the end or the first error, `stop`
 * does nothing, everything else rejects with ERR_ENDED. No state is left backwards.
 */
import { EventEmitter } from 'eventemitter3';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import type { Duration } from '../task/task.ts';
import { ThreadControl } from './control.ts';
import type { ThreadOptions } from './spawn.ts';
import type { LogLine } from './thread-logger.ts';

/** Events of every handle. */
export interface LifecycleEvents<Info, End> {
  /** The component runs; emitted once, after `new()` has resolved. */
  ready: (info: Info) => void;
  /** The component ended with this error, which `join()` rejects with. */
  error: (error: MillraceError) => void;
  /** The component ended in good order. */
  done: (end: End) => void;
}

/** How to stop. */
export interface StopOptions {
  /** Finish what runs, start nothing more. Default false: what runs is ended too. */
  drain?: boolean;
  /** How long that may take; then a drain becomes a plain stop, and a plain stop ends the thread by force (ERR_THREAD at `join`). Default: no limit. */
  timeout?: Duration;
}

/** What a handle is made with. */
export interface HandleOptions extends ThreadOptions {
  /** The built entry of the component's thread. */
  readonly entry: URL;
  readonly logger?: Logger;
  readonly signal?: AbortSignal | null;
  /** `kill` (default): an abort ends what runs, and `join` rejects with ERR_ABORTED; `drain`: it drains, and `join` resolves. */
  readonly onAbort?: 'kill' | 'drain';
  readonly clock?: Clock;
}

type Names<Events extends object> = EventEmitter.EventNames<Events>;
type Listener<Events extends object, Name extends Names<Events>> = EventEmitter.EventListener<Events, Name>;

const ownEvents: ReadonlySet<string> = new Set(['ready', 'error', 'done']);

export abstract class ThreadHandle<Events extends LifecycleEvents<Info, End>, Info, End> extends EventEmitter<Events> {
  /** UUID of the component. */
  readonly id: string;
  protected readonly logger: Logger;
  protected readonly clock: Clock;
  readonly #control: ThreadControl<Info, End>;
  readonly #ended: Deferred<End> = deferred<End>();
  #over = false;
  #aborted: MillraceError | null = null;
  #unwatch: () => void = () => {};
  #listened = '[]';

  /** @throws ERR_ABORTED where the signal is aborted already and means `kill`, ERR_NOT_CLONEABLE, ERR_THREAD */
  protected constructor(options: HandleOptions) {
    super();
    const { signal = null, onAbort = 'kill' } = options;
    if (signal?.aborted && onAbort === 'kill') throw abortedBy(signal);
    this.id = options.id;
    this.logger = options.logger ?? silentLogger;
    this.clock = options.clock ?? systemClock;
    // Nobody has to call join: an error that nobody awaits must not end the host.
    this.#ended.promise.catch(() => {});
    this.#control = new ThreadControl<Info, End>(
      { ...options, clock: this.clock, logger: this.logger },
      {
        begun: (info) => this.emitSafely('ready', info),
        event: (name, value) => (name === 'log' ? this.#log(value as LogLine) : this.emitSafely(name, value)),
        ended: (outcome) => this.#finish(outcome),
      },
    );
    if (this.logger !== silentLogger) this.#control.listen(['log']);
    if (signal !== null) this.#watch(signal, onAbort);
  }

  /** Resolves when the component runs, with what it told of itself; rejects, with no thread left behind, when it cannot. */
  protected async open(): Promise<Info> {
    try {
      return await this.#control.ready;
    } catch (error) {
      await this.stop();
      throw this.#aborted ?? error;
    }
  }

  /** Asks the component; rejects with its error, or with ERR_ENDED when it is no more. */
  protected request(name: string, value?: unknown): Promise<unknown> {
    return this.#control.request(name, value);
  }

  /**
   * Resolves with the component's end, or rejects with the error that ended it. May be called often, at any time. A rejection that
   * nobody awaits does not end the process.
   *
   * @param timeout After this ERR_JOIN_TIMEOUT; the component goes on.
   */
  join(timeout?: Duration): Promise<End> {
    const joined = timeout === undefined ? this.finished() : this.#joinWithin(timeout);
    joined.catch(() => {});
    return joined;
  }

  /** What `join` gives. Overridden where more than the end is waited for. */
  protected async finished(): Promise<End> {
    return this.#ended.promise;
  }

  /** The component is over; what of it is still to be dealt with is in `finished`. */
  protected get over(): boolean {
    return this.#over;
  }

  async #joinWithin(timeout: Duration): Promise<End> {
    const ms = parseDuration(timeout, 'timeout');
    const late = deferred<never>();
    const cancel = this.clock.after(ms, () =>
      late.reject(
        new MillraceError('ERR_JOIN_TIMEOUT', `the component has not ended within ${ms / 1_000} s and goes on: join() again, or stop() it`),
      ),
    );
    try {
      return await Promise.race([this.finished(), late.promise]);
    } finally {
      cancel();
    }
  }

  /** Ends the component; resolves when its thread is gone. The error of a component that failed is given by `join`, not here. */
  async stop(options: StopOptions = {}): Promise<void> {
    const { drain = false, timeout } = options;
    const limit = timeout === undefined ? null : parseDuration(timeout, 'timeout');
    if (this.#over) return;
    this.#control.stop(drain);
    const forced = (): void =>
      this.#control.fail(new MillraceError('ERR_THREAD', 'the component did not stop in time and its thread was ended by force'));
    const cancel = limit === null ? null : this.clock.after(limit, drain ? () => this.#control.stop(false) : forced);
    await this.#ended.promise.then(nothing, nothing);
    cancel?.();
  }

  /** Starts nothing more until `resume`; what runs goes on. Rejects with ERR_ENDED after the end. */
  async pause(): Promise<void> {
    await this.request('pause');
  }

  /** Ends a pause. Rejects with ERR_ENDED after the end. */
  async resume(): Promise<void> {
    await this.request('resume');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  // Each way to add or remove a listener, so that the component makes only events that somebody hears; `emit` removes by `removeListener`.

  override on<Name extends Names<Events>>(event: Name, listener: Listener<Events, Name>, context?: unknown): this {
    super.on(event, listener, context);
    return this.#changed();
  }

  override once<Name extends Names<Events>>(event: Name, listener: Listener<Events, Name>, context?: unknown): this {
    super.once(event, listener, context);
    return this.#changed();
  }

  override addListener<Name extends Names<Events>>(event: Name, listener: Listener<Events, Name>, context?: unknown): this {
    return this.on(event, listener, context);
  }

  override removeListener<Name extends Names<Events>>(
    event: Name,
    listener?: Listener<Events, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    super.removeListener(event, listener, context, once);
    return this.#changed();
  }

  override off<Name extends Names<Events>>(event: Name, listener?: Listener<Events, Name>, context?: unknown, once?: boolean): this {
    return this.removeListener(event, listener, context, once);
  }

  override removeAllListeners(event?: Names<Events>): this {
    super.removeAllListeners(event);
    return this.#changed();
  }

  /** Called when the set of events with listeners changed; `log` is wanted whenever there is a logger. Overridden where events travel over another connection than requests. */
  protected listenedChanged(names: readonly string[]): void {
    this.#control.listen(this.logger === silentLogger ? names : [...names, 'log']);
  }

  /** At once, not after the turn: a request that follows an `on` must find the component listening. */
  #changed(): this {
    const names = this.eventNames()
      .map(String)
      .filter((name) => !ownEvents.has(name))
      .sort();
    const listened = JSON.stringify(names);
    if (listened === this.#listened || this.#over) return this;
    this.#listened = listened;
    this.listenedChanged(names);
    return this;
  }

  #log({ level, message, details }: LogLine): void {
    this.logger[level]({ ...details, component: this.id }, message);
  }

  #watch(signal: AbortSignal, onAbort: 'kill' | 'drain'): void {
    const aborted = (): void => {
      // What ended it before the abort is what `join` gives.
      if (this.#control.leaving) return;
      if (onAbort === 'kill') this.#aborted = abortedBy(signal);
      this.#control.stop(onAbort === 'drain');
    };
    if (signal.aborted) aborted();
    else {
      signal.addEventListener('abort', aborted, { once: true });
      this.#unwatch = () => signal.removeEventListener('abort', aborted);
    }
  }

  #finish(outcome: { readonly end: End } | { readonly error: MillraceError }): void {
    this.#over = true;
    this.#unwatch();
    if (this.#aborted === null && 'end' in outcome) {
      this.#ended.resolve(outcome.end);
      this.emitSafely('done', outcome.end);
      return;
    }
    const error = this.#aborted ?? ('error' in outcome ? outcome.error : null);
    this.#ended.reject(error);
    this.emitSafely('error', error);
  }

  /** A listener that throws is its author's mistake: it is reported, and the component goes on. */
  protected emitSafely(name: string, value: unknown): void {
    const emit = this.emit as unknown as (this: this, name: string, value: unknown) => boolean;
    try {
      emit.call(this, name, value);
    } catch (error) {
      this.logger.error({ error, event: name, id: this.id }, 'a listener threw');
    }
  }
}

const nothing = (): void => {};

/** What an aborted call rejects with. */
export function abortedBy(signal: AbortSignal): MillraceError {
  return new MillraceError('ERR_ABORTED', 'the signal of the call was aborted', { cause: signal.reason });
}
