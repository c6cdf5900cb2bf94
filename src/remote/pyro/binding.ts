/**
 * The way of a proxy to an object of Pyro4, as `Binding` is the one to ours: connects when the first call needs it, again after `release()` or a lost
 * connection, and asks Pyro's name server anew each time.
 */
import { systemClock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import { dialPyro } from '../../transport/pyro-channel.ts';
import { pyroSeal } from '../../transport/pyro-digest.ts';
import { bindAgain, checkTries } from '../bind-again.ts';
import type { BindingOptions } from '../binding.ts';
import { type BatchReply, type BatchSending, type CallBounds, type Caller, remoteOver } from '../caller.ts';
import { remoteTraceback } from '../error-nodes.ts';
import { ConnectionClosedError, TimeoutError } from '../errors.ts';
import { HeldCalls, unheard } from '../held-calls.ts';
import { NameSet } from '../name-set.ts';
import { wholeNumber } from '../options.ts';
import { URI } from '../uri.ts';
import { sendBatch } from './batch.ts';
import { flags } from './core/frame.ts';
import { checkExposed, kindOf, type PyroDescription } from './description.ts';
import { splitArguments } from './kwargs.ts';
import { PyroLink } from './link.ts';
import { lookUp } from './look-up.ts';
import { type PyroSettings, pyroSettings } from './settings.ts';
import { PyroStream, type StreamSource } from './stream.ts';
import { type ProxyState, PyroValues } from './values.ts';
import { daemonObject, nameServerObject } from './well-known.ts';

export interface PyroBindingOptions extends BindingOptions {
  readonly pyro?: PyroSettings;
}

const unbounded: CallBounds = { timeout: null, signal: null };

/** States. *apart*: nothing. *connecting*: calls wait. *bound*: calls go out at once. A lost connection is *apart* again. */
export class PyroBinding implements Caller {
  readonly target: URI;
  readonly options: PyroBindingOptions;
  readonly oneway: NameSet = new NameSet();
  timeout: number | null;
  #maxRetries: number;
  readonly #values: PyroValues;
  readonly #settings: ReturnType<typeof pyroSettings>;
  readonly #held: HeldCalls<PyroLink> = new HeldCalls();
  /** Proxies that came in over this one, and are connected: released with it. */
  readonly #brought: Set<PyroBinding> = new Set();
  /** Of the proxy over whose connection this one came in. */
  readonly #bringer: Set<PyroBinding> | null;
  /** Connections that have been replaced, and still wait for an answer. */
  readonly #replaced: Set<PyroLink> = new Set();
  #link: PyroLink | null = null;
  #connecting: Promise<PyroLink> | null = null;
  #dialling: AbortController = new AbortController();
  #generation = 0;
  #description: PyroDescription | null = null;
  #place: URI;

  /** `bringer`: holds those that came in over one connection, while they are connected. @throws ERR_OPTION, ERR_UNKNOWN_OPTION */
  constructor(target: URI, options: PyroBindingOptions, bringer: Set<PyroBinding> | null = null) {
    this.target = target;
    this.#place = target;
    this.options = options;
    this.#bringer = bringer;
    this.timeout = options.timeout ?? null;
    this.#maxRetries = wholeNumber(options.maxRetries ?? 0, 'maxRetries');
    this.#settings = pyroSettings(options.pyro);
    this.#values = new PyroValues({ classes: options.classes ?? {}, revive: (state) => this.#revive(state) });
  }

  get uri(): string {
    return this.target.toString();
  }

  get connected(): boolean {
    return this.#link?.open === true;
  }

  get maxRetries(): number {
    return this.#maxRetries;
  }

  set maxRetries(times: number) {
    this.#maxRetries = wholeNumber(times, 'maxRetries');
  }

  get description(): PyroDescription | null {
    return this.#description;
  }

  call(method: string, args: unknown[], bounds?: CallBounds): Promise<unknown> {
    const isOneway = (): boolean => this.oneway.has(method) || this.#description?.oneway.has(method) === true;
    const answer = this.#run((link, within) => {
      this.#check(method, 'method');
      return this.#invoke(link, this.#place.object, method, args, isOneway() ? flags.oneway : 0, within);
    }, bounds);
    return isOneway() ? unheard(answer) : answer;
  }

  get(name: string, bounds?: CallBounds): Promise<unknown> {
    return this.#run((link, within) => {
      this.#check(name, 'attribute');
      return this.#invoke(link, this.#place.object, '__getattr__', [name], 0, within);
    }, bounds);
  }

  async set(name: string, value: unknown, bounds?: CallBounds): Promise<void> {
    await this.#run((link, within) => {
      this.#check(name, 'attribute');
      return this.#invoke(link, this.#place.object, '__setattr__', [name, value], 0, within);
    }, bounds);
  }

  batch(
    names: readonly string[],
    picks: readonly number[],
    lists: readonly unknown[][],
    options: BatchSending,
    bounds?: CallBounds,
  ): Promise<BatchReply> {
    const calls = picks.map((pick, place) => ({ name: names[pick]!, args: lists[place]! }));
    return this.#run(
      (link, within) =>
        sendBatch(calls, options, {
          values: this.#values,
          check: (name) => this.#check(name, 'method'),
          send: (params, bits) => link.call(this.#place.object, '<batch>', params, 'null', flags.batch | bits, within),
        }),
      bounds,
    ) as Promise<BatchReply>;
  }

  kindOf(name: string): 'method' | 'attribute' | null {
    return kindOf(this.#description, name);
  }

  describe(): string {
    return `${this.uri}${this.connected ? '' : ', not connected'}`;
  }

  /** True: it connected; false: it was connected. Rejects when the object is not there. */
  async bind(): Promise<boolean> {
    if (this.connected) return false;
    await this.#connect();
    return true;
  }

  /** Closes the connection after what was sent is out; the next call connects again. */
  release(): void {
    this.#generation += 1;
    this.#dialling.abort();
    this.#dialling = new AbortController();
    this.#connecting = null;
    const link = this.#link;
    this.#lost(link);
    link?.close();
    for (const replaced of this.#replaced) replaced.close();
    this.#held.fail(new MillraceError('ERR_CONNECTION_CLOSED', 'the proxy was released while it connected'));
    for (const other of [...this.#brought]) other.release();
  }

  /** `tries` attempts, with growing pauses of up to 2 s. */
  async reconnect(tries: number): Promise<void> {
    checkTries(tries);
    this.release();
    await bindAgain(() => this.bind(), tries, isPassing);
  }

  copy(): PyroBinding {
    const other = new PyroBinding(this.target, { ...this.options, timeout: this.timeout, maxRetries: this.#maxRetries });
    other.oneway.update(this.oneway);
    return other;
  }

  #check(name: string, kind: 'method' | 'attribute'): void {
    // What the user calls oneway need not be there.
    if (!this.oneway.has(name)) checkExposed(this.#description, name, kind, this.uri);
  }

  async #invoke(
    link: PyroLink,
    object: string,
    method: string,
    args: readonly unknown[],
    bits: number,
    bounds: CallBounds,
  ): Promise<unknown> {
    const [params, named] = splitArguments(args);
    const name = `an argument of '${method}'`;
    return link.call(object, method, this.#values.write(params, name), this.#values.write(named, name), bits, bounds);
  }

  async #run(perform: (link: PyroLink, bounds: CallBounds) => Promise<unknown>, given?: CallBounds): Promise<unknown> {
    for (let left = this.#maxRetries; ; left -= 1) {
      try {
        return await this.#once(perform, given ?? { timeout: this.timeout, signal: this.options.signal ?? null });
      } catch (error) {
        // Pyro tries any call again; refused connections are none that was lost.
        if (left === 0 || !isPassing(error) || remoteTraceback(error) !== null) throw error;
      }
    }
  }

  #once(perform: (link: PyroLink, bounds: CallBounds) => Promise<unknown>, bounds: CallBounds): Promise<unknown> {
    const link = this.#link;
    if (link?.open) {
      try {
        return perform(link, bounds);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    const held = this.#held.add(async (ready, within) => perform(ready, within), bounds, this.uri);
    this.#connect().catch(() => {});
    return held;
  }

  #connect(): Promise<PyroLink> {
    if (this.#connecting !== null) return this.#connecting;
    const opening = this.#open(this.#generation, this.#dialling.signal).finally(() => {
      if (this.#connecting === opening) this.#connecting = null;
    });
    this.#connecting = opening;
    return opening;
  }

  async #open(generation: number, signal: AbortSignal): Promise<PyroLink> {
    let link: PyroLink | null = null;
    try {
      const place = this.target.isPlace ? this.target : await this.#lookup();
      const { auth = null, tls = null } = this.options;
      const channel = await dialPyro(place.address, { signal, tls });
      const source: StreamSource = {
        next: (id) => this.#run((now, within) => this.#invoke(now, daemonObject, 'get_next_stream_item', [id], 0, within)),
        close: (id) => {
          if (this.#link?.open) this.#invoke(this.#link, daemonObject, 'close_stream', [id], flags.oneway, unbounded).catch(() => {});
        },
      };
      link = new PyroLink({
        channel,
        seal: pyroSeal(auth),
        values: this.#values,
        largest: this.#settings.maxMessageSize,
        stream: (id) => new PyroStream(source, id),
        retired: (replaced) => {
          this.#replaced.add(replaced);
          this.#lost(replaced);
        },
        closed: (ended) => {
          this.#replaced.delete(ended);
          this.#lost(ended);
        },
      });
      const greeted = await link.greet(place.object, this.#settings.handshake, { timeout: this.timeout, signal });
      if (generation !== this.#generation) throw new MillraceError('ERR_CONNECTION_CLOSED', 'the proxy was released while it connected');
      this.#place = place;
      this.#description = greeted;
      this.#link = link;
      this.#bringer?.add(this);
      this.#held.go(link);
      return link;
    } catch (error) {
      link?.close();
      if (generation === this.#generation) this.#held.fail(error);
      throw error;
    }
  }

  #lost(link: PyroLink | null): void {
    if (this.#link !== link || link === null) return;
    this.#link = null;
    this.#bringer?.delete(this);
  }

  async #lookup(): Promise<URI> {
    const names = new PyroBinding(URI.of(nameServerObject, this.target.address, 'PYRO'), { ...this.options, maxRetries: 0 });
    try {
      return await lookUp(this.target, names, systemClock.random());
    } finally {
      names.release();
    }
  }

  #revive({ uri, key }: ProxyState): unknown {
    return remoteOver(new PyroBinding(new URI(uri), { ...this.options, ...(key === null ? {} : { auth: key }) }, this.#brought));
  }
}

/** Errors after which the same call may succeed on a new connection. */
function isPassing(error: unknown): boolean {
  return error instanceof ConnectionClosedError || error instanceof TimeoutError;
}
