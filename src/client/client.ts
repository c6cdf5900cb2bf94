/**
 * The client: a thin shell around its core. It keeps the connection to its server, feeds the core and carries out its effects.
 *
 * States: *connecting* (the first connection; `open` has not resolved) → *connected* ⇄ *reconnecting* → *ended*. What runs goes on over
 * all of them. Nothing of a user runs in this thread, so its heartbeat does not depend on what tasks do.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { ClientConfig } from '../config/client-options.ts';
import type { PeerInfo } from '../protocol/messages.ts';
import { outcomeCode } from '../task/result.ts';
import type { Connection } from '../transport/connection.ts';
import { ServerLink } from '../transport/server-link.ts';
import { ClientCore } from './core/core.ts';
import type { ClientEffect, ClientEvent } from './core/events.ts';
import { GraphGate } from './graph/gate.ts';
import type { GraphTaskRunner } from './graph-task-runner.ts';
import type { ClientState } from './messages.ts';
import { clientPeer, usableTime } from './peer.ts';
import { Runner } from './runner.ts';

export interface ClientParts {
  readonly id: string;
  readonly token: string;
  readonly config: ClientConfig;
  /** A connection that stands already (a server in the same process): there is no second one. */
  readonly connection: Connection | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly spoolFolder: string;
  /** Output that the host takes; null: it takes none. */
  readonly output: MessagePort | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when the client is stopped before it is connected. */
  readonly signal: AbortSignal;
  stateChanged(state: ClientState): void;
  /** What runs the tasks of graphs: loaded when the first one comes. */
  readonly loadRunner: () => Promise<GraphTaskRunner>;
}

/** What a client did. */
export interface ClientSummary {
  /** Attempts that ended here, by outcome; what was stopped to be given back, or cancelled, is in none. */
  succeeded: number;
  failed: number;
  timedOut: number;
  durationMs: number;
}

export class Client {
  readonly ended: Promise<ClientSummary>;
  readonly #ended: Deferred<ClientSummary> = deferred();
  readonly #parts: ClientParts;
  readonly #core: ClientCore;
  readonly #startedAt: number;
  /** When what runs is stopped, since the time is over; null: never. */
  readonly #stopAt: number | null;
  readonly #link: ServerLink;
  readonly #graphs: GraphGate;
  #runner!: Runner;
  #over = false;
  #dismissed = false;
  #told: ClientState = 'connecting';
  #scheduled = false;
  #wake: (() => void) | null = null;
  #wakeAt = Number.POSITIVE_INFINITY;

  /** Resolves when the first connection stands; rejects with why there is none. */
  static async open(parts: ClientParts): Promise<Client> {
    const client = new Client(parts);
    try {
      await client.#begin();
    } catch (error) {
      client.#over = true;
      await client.#link.close();
      // One that was not taken over yet would keep the thread alive. Its end is told: a port that is only dropped may be noticed late.
      parts.connection?.close();
      await client.#runner?.close();
      throw error;
    }
    return client;
  }

  private constructor(parts: ClientParts) {
    const { config, clock } = parts;
    this.#parts = parts;
    this.#startedAt = clock.now();
    const usable = usableTime(config);
    this.#stopAt = usable === null ? null : this.#startedAt + usable;
    const { address, others = [], auth, tls, heartrate, reconnectTimeout } = config;
    const self = (): PeerInfo => clientPeer(config, parts.id, parts.token, this.#left);
    const { logger, signal } = parts;
    this.#link = new ServerLink(
      { address, others, auth, tls, self, clock, logger, heartrate, reconnectTimeout, signal },
      {
        welcomed: ({ id, host, epoch, salt, evictAfter, noConfirm = false, limits = [] }) => {
          this.#runner.salt = salt;
          this.#runner.server = { id, host };
          // A server in this process cannot be silent and alive.
          const limit = parts.connection === null ? evictAfter : Number.POSITIVE_INFINITY;
          this.feed({ type: 'connected', evictAfter: limit, noConfirm, limits });
          this.#graphs.connected(epoch, salt);
          this.#tellState();
        },
        message: (message) => {
          if (message[0] === 'end') this.#dismissed = true;
          const forGraphs = this.#runner.asked(message) || this.#graphs.receive(message);
          if (!forGraphs && (message[0] === '=' || message[0] === '!')) this.#runner.answered(message);
          this.feed(message[0] === 'heartbeat' || forGraphs ? { type: 'contact' } : { type: 'message', message });
          if (message[0] === 'resumed') this.#runner.resumed();
        },
        disconnected: () => {
          this.#graphs.disconnected();
          this.feed({ type: 'disconnected' });
        },
        failed: (error) => {
          // A server that said that it ends is not lost; the core leaves when nothing runs any more.
          if (!this.#dismissed) this.feed({ type: 'lost', error });
        },
      },
    );
    this.ended = this.#ended.promise;
    this.ended.catch(() => {});
    const { numTasks: slots, taskSignalwait: signalwait } = config;
    this.#graphs = new GraphGate({
      ...parts,
      slots,
      feed: (event) => this.feed(event),
      send: (message) => this.#link.send(message),
      sendBytes: (id, raw) => this.#link.sendBytes(id, raw),
    });
    this.#core = new ClientCore({ ...config, slots, signalwait, stopAt: this.#stopAt }, this.#startedAt);
  }

  get state(): ClientState {
    if (this.#over || this.#core.mode === 'ended') return 'ended';
    if (this.#core.mode !== 'working') return 'draining';
    return this.#core.link === 'offline' ? 'connecting' : 'connected';
  }

  feed(event: ClientEvent): void {
    if (this.#over) return;
    try {
      this.#core.handle(event, this.#parts.clock.now());
    } catch (thrown) {
      const error = MillraceError.from(thrown);
      if (error.code === 'ERR_PROTOCOL') this.#link.break(error);
      else this.#finish(error);
      return;
    }
    this.#schedule();
  }

  async #begin(): Promise<void> {
    const { config, clock, id, environment, spoolFolder, output, logger } = this.#parts;
    let early: MillraceError | null = null;
    const { delayStart } = config;
    const wait = delayStart < 0 ? -delayStart * clock.random() : delayStart;
    // The shells first: see `Runner.open`.
    this.#runner = await Runner.open(
      { id, config, environment, spoolFolder, output, clock, logger },
      {
        ended: (slot, ends, idle) => {
          this.feed({ type: 'ended', slot, ends, idle });
          // Idle before the end is told: the next command is to be on its way while the output of the last is read.
          if (idle && ends.length === 0 && !this.#over) this.#turn();
        },
        quiet: (slot) => this.feed({ type: 'quiet', slot }),
        begun: (slot) => this.feed({ type: 'begun', slot }),
        send: (message) => this.#link.send(message),
        failed: (error) => {
          // What is still being opened cannot be closed.
          if (this.#runner === undefined) early ??= error;
          else this.#finish(error);
        },
      },
    );
    if (early !== null) throw early;
    if (wait > 0) await this.#pause(wait);
    if (this.#parts.connection !== null) await this.#link.adopt(this.#parts.connection);
    else await this.#link.open(Math.min(config.connectTimeout, this.#left ?? Number.POSITIVE_INFINITY));
  }

  /** A client that is stopped meanwhile does not wait on: its first connection will fail at once. */
  async #pause(ms: number): Promise<void> {
    const { clock, signal } = this.#parts;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(ms, resolve);
      const stop = (): void => {
        cancel();
        resolve();
      };
      signal.addEventListener('abort', stop, { once: true });
    });
  }

  /** How long tasks may still run (ms); null: for ever. */
  get #left(): number | null {
    return this.#stopAt === null ? null : Math.max(0, this.#stopAt - this.#parts.clock.now());
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After all that came in this round: results that end together travel together.
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#over) this.#turn();
    });
  }

  #turn(): void {
    const { clock } = this.#parts;
    // One instant for the turn and its wake: what falls due between two readings of the clock would wait for the next event.
    const now = clock.now();
    let effects: ClientEffect[];
    try {
      effects = this.#core.endTurn(now);
    } catch (thrown) {
      this.#finish(MillraceError.from(thrown));
      return;
    }
    for (const effect of effects) this.#perform(effect);
    if (this.#core.mode === 'draining' || this.#core.mode === 'stopping') this.#graphs.leave(this.#core.mode === 'stopping');
    this.#tellState();
    if (this.#over) return;
    const at = this.#core.wakeAt(now) ?? Number.POSITIVE_INFINITY;
    if (at === this.#wakeAt) return;
    this.#wake?.();
    this.#wake = null;
    this.#wakeAt = at;
    if (!Number.isFinite(at)) return;
    this.#wake = clock.after(Math.max(0, at - clock.now()), () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.feed({ type: 'tick' });
    });
  }

  #tellState(): void {
    const { state } = this;
    if (state === this.#told) return;
    this.#told = state;
    this.#parts.stateChanged(state);
  }

  #perform(effect: ClientEffect): void {
    switch (effect.type) {
      case 'send':
        this.#link.send(effect.message);
        return;
      case 'start':
        this.#runner.start(effect.slot, effect.tasks);
        return;
      case 'signal':
        this.#runner.signal(effect.slot, effect.signal, effect.key);
        return;
      case 'relieve':
        this.#runner.relieve(effect.slot);
        return;
      case 'lend':
        this.#graphs.lent(effect.slot, effect.key);
        return;
      case 'reconnect':
        this.#link.break(new MillraceError('ERR_CONNECTION_CLOSED', 'the server was silent for longer than evictAfter'));
        return;
      case 'end':
        this.#finish(effect.error);
    }
  }

  #finish(error: MillraceError | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#tellState();
    this.#wake?.();
    const { logger } = this.#parts;
    const closing = Promise.all([this.#runner.close(), this.#graphs.close()]);
    const closed = closing.catch((thrown: unknown) => logger.error({ err: thrown }, 'the executors did not close'));
    void Promise.all([this.#link.close(), closed]).then(() => {
      if (error === null) this.#ended.resolve(this.#summary());
      else this.#ended.reject(error);
    });
  }

  #summary(): ClientSummary {
    const { succeeded, failed, timeout } = outcomeCode;
    const { counts } = this.#core;
    return {
      succeeded: counts[succeeded]!,
      failed: counts[failed]!,
      timedOut: counts[timeout]!,
      durationMs: this.#parts.clock.now() - this.#startedAt,
    };
  }
}
