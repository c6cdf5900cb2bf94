/** A remote object as its user has it: `proxy(uri)` is called like the object itself; `bounded` bounds single calls of it. */
import { MillraceError } from '../base/errors.ts';
import type { Duration } from '../task/task.ts';
import { Binding } from './binding.ts';
import type { CallbackErrors } from './callback-errors.ts';
import { type CallBounds, type Caller, callerOf, type Remote, remoteOver } from './caller.ts';
import { checkClasses, checkFunction, checkSignal } from './option-checks.ts';
import { checkOptions, type SharedRemoteOptions, timeoutOf } from './options.ts';
import { PyroBinding } from './pyro/binding.ts';
import type { PyroSettings } from './pyro/settings.ts';
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
  checkSignal(given.signal);
  checkClasses(given.classes);
  checkFunction(given.onCallbackError, 'onCallbackError');
  const { pyro, ...settings } = { ...given, timeout: timeout === undefined ? defaults.timeout : timeoutOf(timeout) };
  const target = new URI(uri);
  if (target.isPyro) return remoteOver(new PyroBinding(target, pyro === undefined ? settings : { ...settings, pyro })) as Remote<T>;
  if (pyro !== undefined)
    throw new MillraceError('ERR_OPTION', '`pyro` is for objects of Pyro, whose URIs begin with PYRO', { details: { option: 'pyro' } });
  return remoteOver(new Binding(target, settings)) as Remote<T>;
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
  checkSignal(signal);
  return remoteOver(new Bounded(caller, { timeout: timeoutOf(timeout), signal: signal ?? null }), typeof remote === 'function') as R;
}
