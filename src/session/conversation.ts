/**
 * The connection of a client to its server: made when it is first needed, and made anew when it is lost, as long as the server keeps its sessions for it.
 * Requests that may be asked twice survive that; who asked others is told.
 */
import { type Clock, pauseFor } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import type { ConnectConfig } from '../config/connect-options.ts';
import type { GraphEvents, GraphRequest, GraphRequests } from '../protocol/graph-messages.ts';
import { boundCall } from '../transport/call-bounds.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';
import { Peer } from '../transport/peer.ts';
import { dialUntil } from '../transport/reconnect.ts';
import { RainException, SessionException } from './exceptions.ts';
import type { Patience } from './options.ts';

/** So long (ms) a server keeps the sessions of a connection that it lost. */
const reconnectTime = 5_000;
/** So long (ms) the server of a persistent session is looked for: it may be started again. */
const lastingReconnectTime = 600_000;
/** Before another connection, when the last one was cut before it was of use (ms), doubling. */
const firstPause = 50;
const longestPause = 1_000;
/** Until the server has said its own (ms). */
const firstHeartrate = 1_000;

/** May take as long as tasks do: who gives them up says so. */
const waits: ReadonlySet<GraphRequest> = new Set<GraphRequest>(['graph.wait', 'graph.fetch']);

/** May be asked again on another connection: the answer is the same. */
const repeatable: ReadonlySet<GraphRequest> = new Set<GraphRequest>([
  'graph.wait',
  'graph.fetch',
  'graph.update',
  'graph.progress',
  'graph.watch',
  'graph.explain',
  'graph.info',
  'graph.join',
  'graph.nodes',
  'graph.sessions',
]);

/** Why a request was given up by its asker; what it waited for goes on. */
const lateWords: Readonly<Partial<Record<GraphRequest, string>>> = {
  'graph.wait': 'what was waited for has not ended',
  'graph.fetch': 'the object was not there',
  'graph.read': 'the object was not read',
};
const unanswered = 'the server had not answered';

/** What a session hears of its connection. */
export interface Listener {
  /** The session goes on without a connection. */
  readonly persistent: boolean;
  event<E extends keyof GraphEvents>(name: E, value: GraphEvents[E]): void;
  /** A new connection stands: take the session over. */
  attach(ask: <R extends GraphRequest>(name: R, parameters: GraphRequests[R][0]) => Promise<GraphRequests[R][1]>): Promise<void>;
  /** The session is gone with its connection. */
  lost(error: SessionException): void;
  /** The program ends its client. */
  end(): Promise<void>;
}

/** *idle* → *connecting* → *open* ⇄ *connecting*; *closed* for good after `close()`. */
export class Conversation {
  readonly #config: ConnectConfig;
  readonly #clock: Clock;
  readonly #sessions = new Map<number, Listener>();
  #peer: Promise<Peer> | null = null;
  /** It is open. */
  #standing: Peer | null = null;
  #closed = false;
  #waits = 0;
  /** When the connection was lost that sessions have not come over from; and connections since that were cut too. */
  #lostAt: number | null = null;
  #cuts = 0;
  readonly #abort = new AbortController();

  constructor(config: ConnectConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  /** Rejects as `Peer.request` does, and with why there is no connection. */
  async ask<R extends GraphRequest>(name: R, parameters: GraphRequests[R][0], patience: Patience = {}): Promise<GraphRequests[R][1]> {
    const { timeout, signal } = patience;
    const end = timeout === undefined ? null : this.#clock.now() + timeout;
    // Only what may be given up needs a number.
    const wait = waits.has(name) && (end !== null || signal !== undefined) ? ++this.#waits : null;
    const asked = wait === null ? parameters : { ...parameters, wait };
    const rest = signal === undefined ? {} : { signal };
    const left = (): Patience => (end === null ? rest : { ...rest, timeout: Math.max(1, end - this.#clock.now()) });
    for (;;) {
      // Where one stands, what is asked first leaves first, bounded or not.
      const standing = this.#closed || this.#lostAt !== null ? null : this.#standing;
      const peer = await (standing ?? this.within(left(), lateWords[name] ?? unanswered, this.#open()));
      try {
        return (await peer.request(name, asked, left())) as GraphRequests[R][1];
      } catch (error) {
        if (wait !== null && error instanceof MillraceError && (error.code === 'ERR_TIMEOUT' || error.code === 'ERR_ABORTED'))
          peer.request('graph.give-up', { session: (parameters as { session: number }).session, wait }).catch(() => {});
        if (error instanceof MillraceError && error.code === 'ERR_TIMEOUT')
          throw new MillraceError('ERR_TIMEOUT', `${lateWords[name] ?? unanswered} within the time-out`, { cause: error });
        if (error instanceof MillraceError && error.code === 'ERR_ABORTED')
          throw new MillraceError('ERR_ABORTED', `${lateWords[name] ?? unanswered} when it was called off`, { cause: error });
        const isCut = error instanceof MillraceError && error.code === 'ERR_CONNECTION_CLOSED';
        if (!isCut || this.#closed || !repeatable.has(name)) throw error;
      }
    }
  }

  /** As `ask`, where a connection stands; where none does, or it is lost meanwhile, nothing happens. */
  async tell<R extends GraphRequest>(name: R, parameters: GraphRequests[R][0]): Promise<void> {
    await this.#standing?.request(name, parameters).catch(() => {});
  }

  /** All requests with this patience together may take so long. */
  together({ timeout, signal }: Patience): Patience {
    const rest = signal === undefined ? {} : { signal };
    if (timeout === undefined) return rest;
    const clock = this.#clock;
    const end = clock.now() + timeout;
    return {
      ...rest,
      get timeout() {
        return Math.max(1, end - clock.now());
      },
    };
  }

  /** A connection stands, to which the sessions have come over. */
  async ready(patience: Patience): Promise<void> {
    await this.within(patience, unanswered, this.#open());
  }

  /** Ends the waiting for what goes on, which may then fail unheard. @throws ERR_TIMEOUT, ERR_ABORTED */
  async within<T>(patience: Patience, words: string, done: Promise<T>): Promise<T> {
    const { timeout, signal } = patience;
    if (timeout === undefined && signal === undefined) return await done;
    done.catch(() => {});
    if (signal?.aborted) throw new MillraceError('ERR_ABORTED', `${words} when it was called off`, { cause: signal.reason });
    let end: (() => void) | null = null;
    const over = new Promise<never>((_resolve, reject) => {
      end = boundCall(this.#clock, words, patience, ({ code, cause }) => {
        const why = code === 'ERR_TIMEOUT' ? 'within the time-out' : 'when it was called off';
        reject(new MillraceError(code, `${words} ${why}`, { cause }));
      });
    });
    try {
      return await Promise.race([done, over]);
    } finally {
      (end as (() => void) | null)?.();
    }
  }

  join(session: number, listener: Listener): void {
    this.#sessions.set(session, listener);
  }

  leave(session: number): void {
    this.#sessions.delete(session);
  }

  /** Ends its sessions, and the connection. */
  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.end()));
    this.#closed = true;
    this.#abort.abort();
    const peer = await this.#peer?.catch(() => null);
    peer?.close();
  }

  /** Ends the connection without a word; the server closes its sessions when they do not come back. */
  cut(): void {
    this.#closed = true;
    this.#abort.abort();
    this.#standing?.destroy();
  }

  #open(): Promise<Peer> {
    if (this.#closed) return Promise.reject(new RainException('the client is closed: make a new one', { code: 'ERR_ENDED' }));
    this.#peer ??= this.#connect(this.#config.connectTimeout).catch((error: unknown) => {
      this.#peer = null;
      throw error;
    });
    return this.#peer;
  }

  async #connect(timeout: number): Promise<Peer> {
    const { address, auth, tls } = this.#config;
    const clock = this.#clock;
    const self = { role: 'control' as const, id: newId(), host: hostName(), pid: process.pid };
    const { dial } = await import('../transport/dial.ts');
    const connection = await dialUntil((left) => dial(address, { auth, tls, self, clock, timeout: left }), {
      clock,
      timeout,
      signal: this.#abort.signal,
    });
    const watch = (heartrate: number, limit: number): (() => void) => {
      const silent = new MillraceError('ERR_CONNECTION_CLOSED', `the server was silent for ${limit} ms`);
      return watchHeartbeat(connection, { heartrate, limit, clock, onSilent: () => connection.destroy(silent) });
    };
    let stopHeartbeat = watch(firstHeartrate, this.#config.connectTimeout);
    const peer: Peer = new Peer(connection, {
      clock,
      requests: (name) => {
        throw new MillraceError('ERR_PROTOCOL', `a session answers no '${name}'`);
      },
      event: (name, value) => this.#hear(name, value),
      message: (message) => {
        if (message[0] !== 'welcome') return;
        stopHeartbeat();
        stopHeartbeat = watch(message[1].heartrate, message[1].evictAfter);
      },
      closed: (error) => {
        stopHeartbeat();
        this.#lost(error);
      },
    });
    this.#standing = peer;
    if (this.#closed) peer.close();
    return peer;
  }

  #hear(name: string, value: unknown): void {
    if (name !== 'graph.failed' && name !== 'graph.taken' && name !== 'graph.progressed' && name !== 'graph.said') return;
    const event = value as GraphEvents[typeof name];
    this.#sessions.get(event.session)?.event(name, event);
  }

  /** Sessions are taken over by a new connection, or are lost. */
  #lost(error: MillraceError | null): void {
    this.#peer = null;
    this.#standing = null;
    if (this.#closed || this.#sessions.size === 0) return;
    const lasting = [...this.#sessions.values()].some(({ persistent }) => persistent);
    const others = (): number[] => [...this.#sessions].filter(([, { persistent }]) => !persistent).map(([session]) => session);
    const clock = this.#clock;
    this.#lostAt ??= clock.now();
    const since = this.#lostAt;
    const left = (time: number): number => Math.max(1, since + time - clock.now());
    const stop = lasting ? clock.after(left(reconnectTime), () => this.#drop(others(), error)) : () => {};
    const back = this.#again(() => left(lasting ? lastingReconnectTime : reconnectTime)).finally(stop);
    this.#peer = back;
    back.catch((cause: unknown) => {
      if (this.#peer === back) this.#peer = null;
      this.#drop([...this.#sessions.keys()], error ?? cause);
    });
  }

  /** A connection that the sessions have come over to. */
  async #again(left: () => number): Promise<Peer> {
    const cuts = this.#cuts++;
    if (cuts > 0) await pauseFor(this.#clock, Math.min(longestPause, firstPause * 2 ** (cuts - 1)));
    const peer = await this.#connect(left());
    const attached = await Promise.all([...this.#sessions].map(([session, listener]) => this.#attach(peer, session, listener)));
    // It was cut as well: by a server that follows another one, of which nothing is left, for instance.
    if (attached.includes(false)) return this.#open();
    this.#lostAt = null;
    this.#cuts = 0;
    return peer;
  }

  /** False: the connection was lost meanwhile. */
  async #attach(peer: Peer, session: number, listener: Listener): Promise<boolean> {
    try {
      await listener.attach(async (name, parameters) => (await peer.request(name, parameters)) as never);
    } catch (cause) {
      if (!this.#closed && cause instanceof MillraceError && cause.code === 'ERR_CONNECTION_CLOSED') return false;
      this.#drop([session], cause);
    }
    return true;
  }

  #drop(sessions: readonly number[], cause: unknown): void {
    for (const session of sessions) {
      const listener = this.#sessions.get(session);
      this.#sessions.delete(session);
      const story = listener?.persistent
        ? 'the connection to the server was lost, or another program has the session now, or ended it: open it again by its name'
        : 'the connection to the server was lost, and with it the session: what it had not fetched is gone';
      listener?.lost(new SessionException(story, { cause }));
    }
  }
}
