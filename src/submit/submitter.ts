/**
 * The submitter: bundles from a source, or from its host, to a server or into a store.
 *
 * States: *connecting* → *connected* ⇄ *reconnecting* → *ended*. What is not acknowledged is sent again after a reconnect; the
 * source is not read ahead meanwhile.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { SubmitTarget } from '../config/submit-options.ts';
import { ConnectionSink } from '../control/sink.ts';
import type { BundleSink } from '../source/pump.ts';
import type { Connection } from '../transport/connection.ts';
import { dial } from '../transport/dial.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';
import { dialUntil } from '../transport/reconnect.ts';

/** How long to try for the first connection, and for one that was lost (ms). */
const connectTimeout = 30_000;
const reconnectTimeout = 10 * 60_000;
const longestAttempt = 5_000;

/** Time for `submitter-done` to leave (ms). */
const farewell = 1_500;

export interface SubmitterParts {
  readonly id: string;
  readonly target: Extract<SubmitTarget, { kind: 'server' }>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A sink that must be closed. */
export interface OpenSink extends BundleSink {
  /** All bundles are acknowledged: say so and leave. */
  close(): Promise<void>;
  /** Called when the sink can take nothing any more. */
  onFailure(call: (error: MillraceError) => void): void;
}

export class ServerSink implements OpenSink {
  readonly #parts: SubmitterParts;
  readonly #sink: ConnectionSink = new ConnectionSink();
  #connection: Connection | null = null;
  #stopHeartbeat: (() => void) | null = null;
  #closing = false;
  #gone: (() => void) | null = null;
  #failed: ((error: MillraceError) => void) | null = null;

  /** @throws ERR_CONNECT_TIMEOUT, ERR_AUTH, ERR_VERSION, ERR_TLS, ERR_ADDRESS */
  static async open(parts: SubmitterParts): Promise<ServerSink> {
    const sink = new ServerSink(parts);
    await sink.#dial(connectTimeout);
    return sink;
  }

  private constructor(parts: SubmitterParts) {
    this.#parts = parts;
  }

  send(...bundle: Parameters<BundleSink['send']>): ReturnType<BundleSink['send']> {
    return this.#sink.send(...bundle);
  }

  onFailure(call: (error: MillraceError) => void): void {
    this.#failed = call;
  }

  async close(): Promise<void> {
    this.#closing = true;
    const connection = this.#connection;
    if (connection === null) return;
    this.#sink.finish();
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
      this.#parts.clock.after(farewell, resolve, { unref: true });
    });
    connection.close();
    await gone;
  }

  async #dial(timeout: number): Promise<void> {
    const { target, clock, id, signal } = this.#parts;
    const { address, auth, tls } = target;
    const self = { role: 'submitter' as const, id, host: hostName(), pid: process.pid };
    const attempt = (left: number): Promise<Connection> =>
      dial(address, { auth, tls, self, clock, timeout: Math.min(left, longestAttempt), signal });
    const connection = await dialUntil(attempt, { clock, timeout, signal });
    this.#connection = connection;
    connection.start({
      message: (message) => {
        if (message[0] === 'submitted') this.#sink.receive(message);
        else if (message[0] === 'welcome') this.#watch(connection, message[1].heartrate, message[1].evictAfter);
      },
      closed: (error) => this.#lost(error),
    });
    this.#sink.attach(connection);
  }

  #watch(connection: Connection, heartrate: number, evictAfter: number): void {
    this.#stopHeartbeat?.();
    this.#stopHeartbeat = watchHeartbeat(connection, {
      heartrate,
      limit: evictAfter,
      clock: this.#parts.clock,
      onSilent: () => connection.destroy(new MillraceError('ERR_CONNECTION_CLOSED', 'the server was silent for longer than evictAfter')),
    });
  }

  #lost(error: MillraceError | null): void {
    this.#stopHeartbeat?.();
    this.#stopHeartbeat = null;
    this.#connection = null;
    this.#sink.detach();
    this.#gone?.();
    if (this.#closing) return;
    this.#parts.logger.info({ err: error }, 'the connection to the server is gone');
    this.#dial(reconnectTimeout).catch((thrown: unknown) => {
      const failure = MillraceError.from(thrown);
      const lost =
        failure.code === 'ERR_CONNECT_TIMEOUT'
          ? new MillraceError('ERR_SERVER_LOST', 'the server did not come back', { cause: failure })
          : failure;
      this.#sink.fail(lost);
      this.#failed?.(lost);
    });
  }
}
