/**
 * The submitter: bundles from a source, or from its host, to a server or into a store.
 *
 * States: *connecting* → *connected* ⇄ *reconnecting* → *ended*. What is not acknowledged is sent again after a reconnect; the
 * source is not read ahead meanwhile.
 */
import type { Clock } from '../base/clock.ts';
import type { MillraceError } from '../base/errors.ts';
import { hostName } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { SubmitTarget } from '../config/submit-options.ts';
import { ConnectionSink } from '../control/sink.ts';
import type { Packed } from '../protocol/msgpack-write.ts';
import type { BundleSink, Receipt } from '../source/pump.ts';
import { ServerLink } from '../transport/server-link.ts';

/** How long to try for the first connection, and for one that was lost (ms). */
const connectTimeout = 30_000;
const reconnectTimeout = 10 * 60_000;

type ServerTarget = Extract<SubmitTarget, { kind: 'server' }>;

export interface SubmitterParts {
  readonly id: string;
  readonly target: ServerTarget;
  /** Where the server is after a restart; null: it left no word. Absent: where it was. */
  readonly locate?: () => Promise<ServerTarget | null>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A sink that must be closed. */
export interface OpenSink extends BundleSink {
  /** As `send`, of a list of tasks that is packed. */
  forward(sequence: number, tasks: Packed): Promise<Receipt>;
  /** All bundles are acknowledged: say so and leave. */
  close(): Promise<void>;
  /** Called when the sink can take nothing any more. */
  onFailure(call: (error: MillraceError) => void): void;
}

export class ServerSink implements OpenSink {
  readonly #sink: ConnectionSink = new ConnectionSink();
  readonly #link: ServerLink;
  #failed: ((error: MillraceError) => void) | null = null;

  /** @throws ERR_CONNECT_TIMEOUT, ERR_AUTH, ERR_VERSION, ERR_TLS, ERR_ADDRESS */
  static async open(parts: SubmitterParts): Promise<ServerSink> {
    const sink = new ServerSink(parts);
    await sink.#link.open(connectTimeout);
    return sink;
  }

  private constructor({ id, target, locate, clock, logger, signal }: SubmitterParts) {
    const self = { role: 'submitter' as const, id, host: hostName(), pid: process.pid };
    const { address, others = [], auth, tls } = target;
    this.#link = new ServerLink(
      {
        address,
        others,
        auth,
        tls,
        ...(locate === undefined ? {} : { locate }),
        self,
        clock,
        logger,
        heartrate: null,
        reconnectTimeout,
        signal,
      },
      {
        welcomed: () => this.#sink.attach(this.#link),
        message: (message) => {
          if (message[0] === 'submitted') this.#sink.receive(message);
        },
        disconnected: () => this.#sink.detach(),
        failed: (error) => {
          this.#sink.fail(error);
          this.#failed?.(error);
        },
      },
    );
  }

  forward(sequence: number, tasks: Packed): Promise<Receipt> {
    return this.#sink.send(sequence, tasks);
  }

  send(...bundle: Parameters<BundleSink['send']>): ReturnType<BundleSink['send']> {
    return this.#sink.send(...bundle);
  }

  onFailure(call: (error: MillraceError) => void): void {
    this.#failed = call;
  }

  async close(): Promise<void> {
    this.#sink.finish();
    await this.#link.close();
  }
}
