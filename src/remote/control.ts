/**
 * What is about the connection of a remote object and not about the object: `control(proxy)`, so that no method of the object is hidden by ours (Pyro's members
 * `_pyro…`).
 */
import { MillraceError } from '../base/errors.ts';
import type { Duration } from '../task/task.ts';
import { type Batch, batch } from './batch.ts';
import { Binding } from './binding.ts';
import { type Caller, callerOf, type Remote, remoteOver } from './caller.ts';
import { type Asynchronous, asynchronous } from './future.ts';
import type { NameSet } from './name-set.ts';
import { timeoutOf } from './options.ts';
import { PyroBinding } from './pyro/binding.ts';
import { ReferenceCaller } from './reference-caller.ts';

/** The connection of a proxy; or the part that a reference has in the connection on which it came: that has no URI, is not made anew and not copied (ERR_OPTION). */
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

/** Of a proxy that `proxy()` made, or of what a method gave by reference. @throws ERR_OPTION for anything else */
export function control<T>(remote: Remote<T>): ProxyControl<T> {
  const bound = callerOf(remote);
  if (isBound(bound)) return new Control<T>(bound, remote);
  throw new MillraceError(
    'ERR_OPTION',
    'control() takes a proxy that proxy() has made, or what a method gave by reference; of bounded(remote), take control(remote)',
  );
}

/** A remote object is not used any more: closes the connection of a proxy; lets the other side forget what it passed by reference. */
export function release(remote: object): void {
  const caller = callerOf(remote);
  if (!isBound(caller)) throw new MillraceError('ERR_OPTION', 'release() takes a remote object');
  caller.release();
}

/** The way of a proxy to its object. */
type Bound = Binding | PyroBinding | ReferenceCaller;

function isBound(caller: Caller | undefined): caller is Bound {
  return caller instanceof Binding || caller instanceof PyroBinding || caller instanceof ReferenceCaller;
}

class Control<T> implements ProxyControl<T> {
  readonly #binding: Bound;
  readonly #remote: Remote<T>;

  constructor(bound: Bound, remote: Remote<T>) {
    this.#binding = bound;
    this.#remote = remote;
  }

  get uri(): string {
    return this.#own('a URI').uri;
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
    return this.#own('retries').maxRetries;
  }

  set maxRetries(times: number) {
    this.#own('retries').maxRetries = times;
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

  async reconnect(tries: number = Number.POSITIVE_INFINITY): Promise<void> {
    return this.#own('a connection of its own').reconnect(tries);
  }

  copy(): Remote<T> {
    return remoteOver(this.#own('a copy').copy()) as Remote<T>;
  }

  equals(other: unknown): boolean {
    const caller = callerOf(other);
    if (this.#binding instanceof ReferenceCaller)
      return caller instanceof ReferenceCaller && caller.reach === this.#binding.reach && caller.number === this.#binding.number;
    return caller?.uri === this.#binding.uri;
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

  /** @throws ERR_OPTION of a reference */
  #own(what: string): Binding | PyroBinding {
    if (!(this.#binding instanceof ReferenceCaller)) return this.#binding;
    throw new MillraceError(
      'ERR_OPTION',
      `what a method gave by reference has not ${what}: it is there over the connection on which it came`,
    );
  }
}
