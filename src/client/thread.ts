/** The handle of a client. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { parseDuration } from '../base/duration.ts';
import { newOwnedId, type OwnedId } from '../base/ids.ts';
import { parseClientOptions } from '../config/client.ts';
import type { ClientConfig, ClientHooks, ClientOptions } from '../config/client-options.ts';
import { clientEnvironment } from '../config/environment.ts';
import type { Parsed } from '../config/shared-options.ts';
import type { PeerInfo } from '../protocol/messages.ts';
import { type LifecycleEvents, type StopOptions, ThreadHandle } from '../threads/handle.ts';
import type { ClientSummary } from './client.ts';
import { HostOutput } from './host-output.ts';
import { type ClientState, type ClientThreadData, clientStates } from './messages.ts';

const entry = new URL('./entry.js', import.meta.url);

/**
 * What is under way dies young: with the default 48 a run of 50,000 calls took 298 MB in all, with 12 in its client and its submitter 285, at the same rate. The bytes
 * of objects are not in the heap, which stays at some 10 MB: below 2 GB V8 lets it grow to twice of what lives before it clears up, not to four times (30 MB instead of 41).
 */
const resourceLimits = { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 2_000 } as const;

/** Events of a client. */
export interface ClientEvents extends LifecycleEvents<null, ClientSummary> {
  /** It connected, lost its server, began to drain, or ended. */
  state: (state: ClientState) => void;
}

/** A client in a thread of its own, with the shells and threads that run its tasks. (Source: HyperShell, `ClientThread`.) */
export class ClientThread extends ThreadHandle<ClientEvents, null, ClientSummary> {
  readonly #state: Int32Array;
  /** Takes what `capture`, `redirectOutput` and `redirectErrors` send to this thread; null: nothing. */
  readonly #output: HostOutput | null;

  /**
   * Start a client; resolves when it is connected. (Source: HyperShell, `ClientThread.new`.)
   * Errors: ERR_OPTION and its kin, ERR_CONNECT_TIMEOUT, ERR_AUTH, ERR_VERSION, ERR_TLS, ERR_TEMPLATE, ERR_SPAWN.
   */
  static async new(options: ClientOptions = {}): Promise<ClientThread> {
    return ClientThread.start(parseClientOptions(options), newOwnedId(), null);
  }

  /** As `new`, of checked options and, for `runLocal`, with a server in this process. */
  static async start(
    parsed: Parsed<ClientConfig, ClientHooks>,
    id: OwnedId,
    server: { readonly port: MessagePort; readonly peer: PeerInfo } | null,
    onAbort: 'kill' | 'drain' = 'kill',
  ): Promise<ClientThread> {
    const client = new ClientThread(parsed, id, server, onAbort);
    await client.open();
    return client;
  }

  private constructor(
    { config, hooks }: Parsed<ClientConfig, ClientHooks>,
    { id, token }: OwnedId,
    server: ClientThreadData['server'],
    onAbort: 'kill' | 'drain',
  ) {
    const state = new SharedArrayBuffer(4);
    const takesOutput = hooks.onLine !== null || hooks.redirectOutput !== null || hooks.redirectErrors !== null;
    const channel = takesOutput ? new MessageChannel() : null;
    const output = channel?.port2 ?? null;
    const data: ClientThreadData = { config, token, environment: clientEnvironment(), server, output, state };
    const transfer = [server?.port ?? null, output].filter((port) => port !== null);
    super({
      entry,
      name: 'millrace client',
      id,
      data,
      resourceLimits,
      transfer,
      // Pipes are read through sockets of their descriptors.
      tracksFiles: config.capture !== 'lines',
      logger: hooks.logger,
      onAbort,
      ...(hooks.signal === null ? {} : { signal: hooks.signal }),
    });
    this.#state = new Int32Array(state);
    this.#output = channel === null ? null : new HostOutput(channel.port1, hooks);
    if (this.#output !== null && hooks.signal !== null && onAbort === 'kill') {
      const { signal } = hooks;
      const hurry = (): void => this.#output?.hurry();
      signal.addEventListener('abort', hurry, { once: true });
      channel?.port1.once('close', () => signal.removeEventListener('abort', hurry));
    }
  }

  /** What a callback of `capture` threw is given as it is. */
  protected override async finished(): Promise<ClientSummary> {
    try {
      return await super.finished();
    } catch (error) {
      throw this.#output?.thrown?.error ?? error;
    } finally {
      this.#output?.release();
    }
  }

  /** As of every handle. A plain stop hands what was written over without waiting for what the callback of `capture` promises, or for streams. */
  override async stop(options: StopOptions = {}): Promise<void> {
    const { drain = false, timeout } = options;
    const hurry = (): void => this.#output?.hurry();
    if (!drain) hurry();
    const cancel =
      drain && timeout !== undefined && this.#output !== null ? this.clock.after(parseDuration(timeout, 'timeout'), hurry) : null;
    await super.stop(options);
    cancel?.();
  }

  /** Where it stands now. */
  get state(): ClientState {
    return this.over ? 'ended' : (clientStates[Atomics.load(this.#state, 0)] ?? 'ended');
  }

  /** Start nothing more, give back what has not begun, finish what runs, leave. `join` resolves then. (HyperShell: USR1.) */
  async drain(): Promise<void> {
    await this.request('drain');
  }

  /** As `drain`, and stop what runs by the kill ladder; how it ended is its result. (HyperShell: USR2.) */
  async interrupt(): Promise<void> {
    await this.request('interrupt');
  }
}
