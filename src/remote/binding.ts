/**
 * The way of a proxy to its object: connects when the first call needs it, again after `release()` or a lost connection, and looks a name up anew each time.
 * Calls of before the connection wait for it, in their order.
 */
import { systemClock } from '../base/clock.ts';
import { type ErrorCode, MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import { dial } from '../transport/dial.ts';
import { bindAgain, checkTries } from './bind-again.ts';
import { type CallbackErrors, callbackErrors } from './callback-errors.ts';
import { type BatchReply, type BatchSending, type CallBounds, type Caller, remoteOver } from './caller.ts';
import { type Description, descriptionOf, kindIn } from './description.ts';
import { remoteTraceback } from './error-nodes.ts';
import { HeldCalls, unheard } from './held-calls.ts';
import { NameSet } from './name-set.ts';
import { type SharedRemoteOptions, wholeNumber } from './options.ts';
import { Session } from './session.ts';
import { namesObject, URI } from './uri.ts';

export interface BindingOptions extends SharedRemoteOptions, CallbackErrors {
  /** ms for connecting and for each call; null: none. */
  readonly timeout?: number | null;
  readonly maxRetries?: number;
  readonly signal?: AbortSignal | null;
}

/** Errors after which the same call may succeed on a new connection. */
const passing: readonly ErrorCode[] = ['ERR_CONNECTION_CLOSED', 'ERR_CONNECT_TIMEOUT'];

/** States. *apart*: nothing. *connecting*: calls wait. *bound*: calls go out at once. A lost connection is *apart* again. */
export class Binding implements Caller {
  readonly target: URI;
  readonly options: BindingOptions;
  readonly oneway: NameSet = new NameSet();
  #timeout: number | null;
  #maxRetries: number;
  #session: Session | null = null;
  #connecting: Promise<Session> | null = null;
  #dialling: AbortController = new AbortController();
  readonly #held: HeldCalls<Session> = new HeldCalls();
  #generation = 0;
  #description: Description | null = null;
  /** Where the object was found at the last connection. */
  #place: URI;

  constructor(target: URI, options: BindingOptions) {
    this.target = target;
    this.#place = target;
    this.options = options;
    this.#timeout = options.timeout ?? null;
    this.#maxRetries = wholeNumber(options.maxRetries ?? 0, 'maxRetries');
  }

  get uri(): string {
    return this.target.toString();
  }

  get connected(): boolean {
    return this.#session?.open === true;
  }

  get timeout(): number | null {
    return this.#timeout;
  }

  set timeout(ms: number | null) {
    this.#timeout = ms;
  }

  get maxRetries(): number {
    return this.#maxRetries;
  }

  set maxRetries(times: number) {
    this.#maxRetries = wholeNumber(times, 'maxRetries');
  }

  get description(): Description | null {
    return this.#description;
  }

  call(method: string, args: unknown[], bounds?: CallBounds): Promise<unknown> {
    if (this.oneway.has(method) || this.#description?.oneway.has(method) === true) {
      const sent = this.#run((session) => session.oneway(this.#object, method, args), bounds);
      // What is wrong with its arguments is told, awaited or not.
      return this.connected ? sent : unheard(sent);
    }
    const perform = (session: Session, within: CallBounds): Promise<unknown> => session.call(this.#object, method, args, within);
    return this.#maxRetries === 0 ? this.#run(perform, bounds) : this.#again(method, perform, bounds);
  }

  get(name: string, bounds?: CallBounds): Promise<unknown> {
    return this.#run((session, within) => session.get(this.#object, name, within), bounds);
  }

  async set(name: string, value: unknown, bounds?: CallBounds): Promise<void> {
    await this.#run((session, within) => session.set(this.#object, name, value, within), bounds);
  }

  batch(
    names: readonly string[],
    picks: readonly number[],
    lists: readonly unknown[][],
    options: BatchSending,
    bounds?: CallBounds,
  ): Promise<BatchReply> {
    return this.#run((session, within) => session.batch(this.#object, names, picks, lists, options, within), bounds) as Promise<BatchReply>;
  }

  kindOf(name: string): 'method' | 'attribute' | null {
    return kindIn(this.#description, name);
  }

  describe(): string {
    return `${this.uri}${this.connected ? '' : ', not connected'}`;
  }

  /** True: it connected; false: it was connected. Rejects when the object is not there. */
  async bind(): Promise<boolean> {
    if (this.connected) return false;
    const session = await this.#connect();
    await this.#ask(session);
    return true;
  }

  /** Closes the connection after what was sent is out; the next call connects again. */
  release(): void {
    this.#generation += 1;
    this.#dialling.abort();
    this.#dialling = new AbortController();
    this.#connecting = null;
    const session = this.#session;
    this.#session = null;
    session?.close();
    this.#held.fail(new MillraceError('ERR_CONNECTION_CLOSED', 'the proxy was released while it connected'));
  }

  /** `tries` attempts, with growing pauses of up to 2 s. */
  async reconnect(tries: number): Promise<void> {
    checkTries(tries);
    this.release();
    await bindAgain(() => this.bind(), tries, isPassing);
  }

  copy(): Binding {
    const other = new Binding(this.target, { ...this.options, timeout: this.#timeout, maxRetries: this.#maxRetries });
    other.oneway.update(this.oneway);
    return other;
  }

  #run(perform: (session: Session, bounds: CallBounds) => Promise<unknown>, given?: CallBounds): Promise<unknown> {
    const bounds = given ?? { timeout: this.#timeout, signal: this.options.signal ?? null };
    const session = this.#session;
    if (session?.open) return perform(session, bounds);
    const held = this.#held.add(perform, bounds, this.uri);
    this.#connect().catch(() => {});
    return held;
  }

  async #again(
    method: string,
    perform: (session: Session, bounds: CallBounds) => Promise<unknown>,
    bounds: CallBounds | undefined,
  ): Promise<unknown> {
    for (let left = this.#maxRetries; ; left -= 1) {
      try {
        return await this.#run(perform, bounds);
      } catch (error) {
        if (left === 0 || !isPassing(error)) throw error;
        // Lost before the object had said what it is.
        if (this.#description === null) await this.bind().catch(() => {});
        if (this.#description?.idempotent.has(method) !== true) throw error;
      }
    }
  }

  get #object(): string {
    return this.#place.object;
  }

  /** What a name server says; one of those with all tags, by lot. */
  async #lookup(): Promise<URI> {
    const { protocol, object, tags, address } = this.target;
    const names = new Binding(URI.of(namesObject, address), { ...this.options, maxRetries: 0 });
    try {
      const found = (await (protocol === 'millname' ? names.call('lookup', [object]) : names.call('tagged', [tags]))) as string | string[];
      const uri = typeof found === 'string' ? found : found[Math.floor(systemClock.random() * found.length)];
      const place = new URI(uri ?? '');
      if (place.protocol !== 'mill') throw new MillraceError('ERR_URI', `the name '${object}' stands for ${uri}, which is no place`);
      return place;
    } finally {
      names.release();
    }
  }

  #connect(): Promise<Session> {
    if (this.#connecting !== null) return this.#connecting;
    const opening = this.#open(this.#generation, this.#dialling.signal).finally(() => {
      if (this.#connecting === opening) this.#connecting = null;
    });
    this.#connecting = opening;
    return opening;
  }

  async #open(generation: number, signal: AbortSignal): Promise<Session> {
    try {
      const place = this.target.protocol === 'mill' ? this.target : await this.#lookup();
      const { auth = null, tls = null, classes = {} } = this.options;
      const connection = await dial(place.address, {
        signal,
        auth,
        tls,
        self: { role: 'caller', id: newId(), host: hostName(), pid: process.pid },
      });
      const session: Session = new Session({
        connection,
        clock: systemClock,
        classes,
        onewayThreaded: false,
        callbackFailed: callbackErrors(this.options),
        find: (id) => {
          throw new MillraceError('ERR_OBJECT', `a caller has no object '${id.slice(0, 200)}': pass it as an argument`);
        },
        renew: async () => (this.#session?.open ? this.#session : await this.#connect()),
        revive: (uri) => remoteOver(binding(uri, this.options)),
        closed: () => {
          if (this.#session === session) this.#session = null;
        },
      });
      if (generation !== this.#generation) {
        session.close();
        throw new MillraceError('ERR_CONNECTION_CLOSED', 'the proxy was released while it connected');
      }
      this.#place = place;
      this.#session = session;
      this.#ask(session).catch(() => {});
      this.#held.go(session);
      return session;
    } catch (error) {
      if (generation === this.#generation) this.#held.fail(error);
      throw error;
    }
  }

  /** Sent before all calls of the connection, so its answer comes before theirs. */
  async #ask(session: Session): Promise<void> {
    this.#description = descriptionOf(await session.bind(this.#object, { timeout: this.#timeout, signal: null }));
  }
}

/** @throws ERR_URI, ERR_OPTION */
export function binding(uri: string | URI, options: BindingOptions): Binding {
  const target = new URI(uri);
  if (target.isPyro) throw new MillraceError('ERR_URI', `${target.toString()} is of Pyro, which is not spoken here: open it by proxy()`);
  return new Binding(target, options);
}

function isPassing(error: unknown): boolean {
  // Not one that the object itself met on the way to others.
  return error instanceof MillraceError && passing.includes(error.code) && remoteTraceback(error) === null;
}
