/**
 * A remote object as its user has it: `proxy(uri)` is called like the object itself, `control(proxy)` has everything that is about the connection, so that no
 * method of the object is hidden by ours.
 */
import { MillraceError } from '../base/errors.ts';
import type { Duration } from '../task/task.ts';
import { type Batch, batch } from './batch.ts';
import { Binding } from './binding.ts';
import type { CallbackErrors } from './callback-errors.ts';
import { type CallBounds, type Caller, callerOf, type Remote, remoteOver } from './caller.ts';
import { type Asynchronous, asynchronous } from './future.ts';
import type { NameSet } from './name-set.ts';
import { checkOptions, type SharedRemoteOptions, timeoutOf } from './options.ts';
import { PyroBinding } from './pyro/binding.ts';
import type { PyroSettings } from './pyro/settings.ts';
import { ReferenceCaller } from './reference-caller.ts';
import { URI } from './uri.ts';

export interface ProxyOptions extends SharedRemoteOptions, CallbackErrors {
  /** For connecting and for each call; then ERR_TIMEOUT. Default: that of `configureRemote`, else none. */
  readonly timeout?: Duration | null;
  /** Ends every call of this proxy (ERR_ABORTED). */
  readonly signal?: AbortSignal;
  /**
   * How often a call of a method that is registered as idempotent is made again when the connection was lost under it. Default 0. Of Pyro's objects, which
   * do not say what is idempotent: any call, after a time-out too.
   */
  readonly maxRetries?: number;
  /** Only for objects of Pyro (`PYRO:` …), whose key for messages (hmac) is `auth`, of any length. */
  readonly pyro?: PyroSettings;
}

const optionNames = ['auth', 'tls', 'classes', 'timeout', 'signal', 'maxRetries', 'onCallbackError', 'pyro'] as const;

const defaults: { timeout: number | null } = { timeout: null };

/** What every proxy has that is made from now on, unless it is told otherwise. @throws ERR_DURATION, ERR_UNKNOWN_OPTION */
export function configureRemote(options: { readonly timeout?: Duration | null }): void {
  const { timeout } = checkOptions(options, ['timeout'], 'configureRemote()');
  if (timeout !== undefined) defaults.timeout = timeoutOf(timeout);
}

/**
 * Stands for the object of a URI. Nothing is connected before the first call. Each proxy has a connection of its own, on which any number of calls
 * may be open.
 * @throws ERR_URI, ERR_OPTION, ERR_UNKNOWN_OPTION, ERR_DURATION
 */
export function proxy<T>(uri: string | URI, options?: ProxyOptions): Remote<T> {
  const { timeout, ...given } = checkOptions(options, optionNames, 'proxy()');
  const { pyro, ...settings } = { ...given, timeout: timeout === undefined ? defaults.timeout : timeoutOf(timeout) };
  const target = new URI(uri);
  if (target.isPyro) return remoteOver(new PyroBinding(target, pyro === undefined ? settings : { ...settings, pyro })) as Remote<T>;
  if (pyro !== undefined)
    throw new MillraceError('ERR_OPTION', '`pyro` is for objects of Pyro, whose URIs begin with PYRO', { details: { option: 'pyro' } });
  return remoteOver(new Binding(target, settings)) as Remote<T>;
}

/** The connection of a proxy. */
export interface ProxyControl<T> extends AsyncDisposable {
  readonly uri: string;
  readonly connected: boolean;
  /** Seconds; null: none. */
  timeout: number | null;
  maxRetries: number;
  /** Methods that this side calls without waiting for an answer. */
  readonly oneway: NameSet;
  /** What the object exposes; null: it has not been connected yet. */
  readonly methods: readonly string[] | null;
  readonly attributes: readonly string[] | null;
  /** Connects; false: it was connected already. Rejects with ERR_OBJECT when the object is not there. */
  bind(): Promise<boolean>;
  /** Closes the connection; the next call connects again. */
  release(): void;
  /** Connects anew, looking the name up again; by default it tries for ever, with pauses of up to 2 s. */
  reconnect(tries?: number): Promise<void>;
  /** Another proxy for the same object, with the same settings and a connection of its own. */
  copy(): Remote<T>;
  /** Whether the other proxy is of the same URI. */
  equals(other: unknown): boolean;
  /** As `batch(proxy)`. */
  batch(): Batch<Remote<T>>;
  /** As `asynchronous(proxy)`. */
  async(): Asynchronous<Remote<T>>;
  get<K extends keyof T & string>(name: K): Promise<T[K]>;
  /** Sets an exposed attribute. */
  set<K extends keyof T & string>(name: K, value: T[K]): Promise<void>;
}

/** @throws ERR_OPTION for what is no proxy */
export function control<T>(remote: Remote<T>): ProxyControl<T> {
  const bound = callerOf(remote);
  if (!isBound(bound)) throw new MillraceError('ERR_OPTION', 'control() takes a proxy that proxy() has made');
  return new Control<T>(bound, remote);
}

/** The way of a proxy to its object. */
type Bound = Binding | PyroBinding;

function isBound(caller: Caller | undefined): caller is Bound {
  return caller instanceof Binding || caller instanceof PyroBinding;
}

class Control<T> implements ProxyControl<T> {
  readonly #binding: Bound;
  readonly #remote: Remote<T>;

  constructor(bound: Bound, remote: Remote<T>) {
    this.#binding = bound;
    this.#remote = remote;
  }

  get uri(): string {
    return this.#binding.uri;
  }

  get connected(): boolean {
    return this.#binding.connected;
  }

  get timeout(): number | null {
    const { timeout } = this.#binding;
    return timeout === null ? null : timeout / 1_000;
  }

  set timeout(value: Duration | null) {
    this.#binding.timeout = timeoutOf(value);
  }

  get maxRetries(): number {
    return this.#binding.maxRetries;
  }

  set maxRetries(times: number) {
    this.#binding.maxRetries = times;
  }

  get oneway(): NameSet {
    return this.#binding.oneway;
  }

  get methods(): readonly string[] | null {
    const { description } = this.#binding;
    return description === null ? null : [...description.methods];
  }

  get attributes(): readonly string[] | null {
    const { description } = this.#binding;
    return description === null ? null : [...description.attributes];
  }

  bind(): Promise<boolean> {
    return this.#binding.bind();
  }

  release(): void {
    this.#binding.release();
  }

  reconnect(tries: number = Number.POSITIVE_INFINITY): Promise<void> {
    return this.#binding.reconnect(tries);
  }

  copy(): Remote<T> {
    return remoteOver(this.#binding.copy()) as Remote<T>;
  }

  equals(other: unknown): boolean {
    return callerOf(other)?.uri === this.uri;
  }

  batch(): Batch<Remote<T>> {
    return batch(this.#remote);
  }

  async(): Asynchronous<Remote<T>> {
    return asynchronous(this.#remote);
  }

  get<K extends keyof T & string>(name: K): Promise<T[K]> {
    return this.#binding.get(name) as Promise<T[K]>;
  }

  set<K extends keyof T & string>(name: K, value: T[K]): Promise<void> {
    return this.#binding.set(name, value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
  }
}

/** Bounds of single calls. */
export interface CallOptions {
  /** Then ERR_TIMEOUT; the `signal` of the remote method fires. */
  readonly timeout?: Duration | null;
  /** Then ERR_ABORTED; the `signal` of the remote method fires. */
  readonly signal?: AbortSignal;
}

class Bounded implements Caller {
  readonly #caller: Caller;
  readonly #bounds: CallBounds;

  constructor(caller: Caller, bounds: CallBounds) {
    this.#caller = caller;
    this.#bounds = bounds;
  }

  call(method: string, args: unknown[]): Promise<unknown> {
    return this.#caller.call(method, args, this.#bounds);
  }

  get(name: string): Promise<unknown> {
    return this.#caller.get(name, this.#bounds);
  }

  set(name: string, value: unknown): Promise<void> {
    return this.#caller.set(name, value, this.#bounds);
  }

  batch(...[names, picks, lists, options]: Parameters<Caller['batch']>): ReturnType<Caller['batch']> {
    return this.#caller.batch(names, picks, lists, options, this.#bounds);
  }

  kindOf(name: string): 'method' | 'attribute' | null {
    return this.#caller.kindOf(name);
  }

  describe(): string {
    return this.#caller.describe();
  }
}

/** The same remote object over the same connection, its calls bounded: `bounded(music, { timeout: 2, signal }).play()`. */
export function bounded<R extends object>(remote: R, options: CallOptions): R {
  const caller = callerOf(remote);
  if (caller === undefined) throw new MillraceError('ERR_OPTION', 'bounded() takes a remote object');
  const { timeout, signal } = checkOptions(options, ['timeout', 'signal'], 'bounded()');
  return remoteOver(new Bounded(caller, { timeout: timeoutOf(timeout), signal: signal ?? null }), typeof remote === 'function') as R;
}

/** A remote object is not used any more: closes the connection of a proxy; lets the other side forget what it passed by reference. */
export function release(remote: object): void {
  const caller = callerOf(remote);
  if (!(isBound(caller) || caller instanceof ReferenceCaller)) throw new MillraceError('ERR_OPTION', 'release() takes a remote object');
  caller.release();
}
