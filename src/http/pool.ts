/** Requests to many servers at the same time. */
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { parseHttpPoolOptions, parseWaitOptions } from '../config/http.ts';
import type {
  HttpClientConfig,
  HttpPoolOptions,
  HttpRequestOptions,
  WaitUnorderedConfig,
  WaitUnorderedOptions,
} from '../config/http-options.ts';
import { type Authenticator, type AuthenticatorFunction, authenticatorFrom, type LoginKey } from './authenticators.ts';
import { BodyStream } from './body-stream.ts';
import { type Call, Caller } from './caller.ts';
import { Deadline } from './deadline.ts';
import { Gate } from './gate.ts';
import { HTTPError } from './http-error.ts';
import { type Host, parseOrigin } from './origin.ts';
import { PendingRequest } from './pending-request.ts';
import type { Response } from './response.ts';
import { UnderWay } from './under-way.ts';

interface Server {
  readonly caller: Caller;
  readonly gate: Gate;
}

/**
 * Starts each request at once, at most `simultaneous` on one host, whose connections they share. What a wait takes is no longer the pool's: a second one
 * gives nothing of it. (Source: Napix, `client.pool.ClientPool`.)
 */
export class ClientPool {
  readonly #authenticate: AuthenticatorFunction;
  readonly #config: HttpClientConfig;
  readonly #simultaneous: number;
  readonly #signal: AbortSignal | null;
  readonly #clock: Clock = systemClock;
  readonly #servers = new Map<string, Server>();
  readonly #underWay = new UnderWay();
  #pending: PendingRequest[] = [];
  #closed = false;

  /** @throws ERR_OPTION, ERR_UNKNOWN_OPTION, ERR_DURATION, ERR_SIZE */
  constructor(authenticator: Authenticator | LoginKey | null, options?: HttpPoolOptions) {
    this.#authenticate = authenticatorFrom(authenticator);
    const { client, pool, signal } = parseHttpPoolOptions(options);
    this.#config = client;
    this.#simultaneous = pool.simultaneous;
    this.#signal = signal;
  }

  /**
   * Starts a request. Its time runs from its turn on.
   * @throws ERR_ADDRESS, ERR_OPTION, ERR_UNKNOWN_OPTION, ERR_DURATION, ERR_ENDED: what cannot be sent is told here, not by `wait()`
   */
  request<Body = unknown>(
    host: Host,
    method: string,
    path: string,
    body?: unknown,
    options: Omit<HttpRequestOptions, 'body'> = {},
  ): PendingRequest<Body> {
    if (this.#closed) throw new MillraceError('ERR_ENDED', 'the pool is closed: make a new one');
    const { caller, gate } = this.#serverOf(host);
    const call = caller.check(method, path, { ...options, body });
    const deadline = new Deadline(this.#clock, null, [this.#signal, call.config.signal], call.request.toString());
    const settled = this.#underWay.run(() => this.#run(caller, gate, call, deadline));
    const pending = new PendingRequest<Body>(call.request, settled as Promise<Response<Body> | HTTPError>, () => deadline.abort());
    this.#pending.push(pending);
    return pending;
  }

  async #run(caller: Caller, gate: Gate, call: Call, deadline: Deadline): Promise<Response | HTTPError> {
    const { request } = call;
    try {
      return await gate.run(() => caller.send(call, deadline.signal), deadline.signal);
    } catch (thrown) {
      if (thrown instanceof HTTPError) return thrown;
      const { code, message } = MillraceError.from(thrown);
      return new HTTPError({ request, code, reason: message, cause: thrown });
    } finally {
      deadline.end();
      // One that never had its turn.
      if (call.body instanceof BodyStream) call.body.close();
    }
  }

  #serverOf(host: Host): Server {
    const origin = parseOrigin(host);
    const known = this.#servers.get(origin.url);
    if (known !== undefined) return known;
    const made = { caller: new Caller(origin, this.#authenticate, this.#config, this.#simultaneous), gate: new Gate(this.#simultaneous) };
    this.#servers.set(origin.url, made);
    return made;
  }

  #take(): PendingRequest[] {
    const taken = this.#pending;
    this.#pending = [];
    return taken;
  }

  /** What all requests came to, in the order in which they were made; a failure is an `HTTPError` in its place. */
  wait(): Promise<(Response | HTTPError)[]> {
    return Promise.all(this.#take().map(({ settled }) => settled));
  }

  /**
   * What the requests come to, as they end, at most `count`. After `timeout` the iteration throws ERR_TIMEOUT; what it gave before stays given. The
   * requests that it does not give go on to their end.
   * @throws ERR_OPTION, ERR_UNKNOWN_OPTION, ERR_DURATION
   */
  waitUnordered(options?: WaitUnorderedOptions): AsyncIterableIterator<Response | HTTPError> {
    const config = parseWaitOptions(options);
    return asTheyEnd(this.#take(), config, this.#clock);
  }

  /** What the requests came to, in the order in which they were made, each as soon as it and all before it have ended. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Response | HTTPError, void, void> {
    for (const { settled } of this.#take()) yield await settled;
  }

  /** Waits for the requests under way and for those that wait for their turn, whoever has taken them; takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay.idle();
    await Promise.all([...this.#servers.values()].map(({ caller }) => caller.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function* asTheyEnd(
  pending: readonly PendingRequest[],
  { count, timeout, signal }: WaitUnorderedConfig,
  clock: Clock,
): AsyncGenerator<Response | HTTPError, void, void> {
  const ended: (Response | HTTPError)[] = [];
  let wake = (): void => {};
  for (const { settled } of pending)
    void settled.then((outcome) => {
      ended.push(outcome);
      wake();
    });
  const deadline = new Deadline(clock, timeout, [signal], 'waitUnordered()');
  try {
    for (let given = 0; given < Math.min(count, pending.length); given += 1) {
      if (ended.length === 0)
        await deadline.race(
          new Promise<void>((resolve) => {
            wake = resolve;
          }),
        );
      yield ended.shift() as Response | HTTPError;
    }
  } finally {
    deadline.end();
  }
}
