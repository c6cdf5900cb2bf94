/** The handle of a client. */
import type { MessagePort } from 'node:worker_threads';
import { hostName, newId } from '../base/ids.ts';
import { parseClientOptions } from '../config/client.ts';
import type { ClientConfig, ClientHooks, ClientOptions } from '../config/client-options.ts';
import { clientEnvironment } from '../config/environment.ts';
import type { Parsed } from '../config/shared-options.ts';
import type { PeerInfo } from '../protocol/messages.ts';
import { type LifecycleEvents, ThreadHandle } from '../threads/handle.ts';
import type { ClientSummary } from './client.ts';
import { type ClientState, type ClientThreadData, clientStates } from './messages.ts';

const entry = new URL('./entry.js', import.meta.url);

/** Events of a client. */
export interface ClientEvents extends LifecycleEvents<null, ClientSummary> {
  /** It connected, lost its server, began to drain, or ended. */
  state: (state: ClientState) => void;
}

export class ClientThread extends ThreadHandle<ClientEvents, null, ClientSummary> {
  readonly #state: Int32Array;

  /**
   * Start a client; resolves when it is connected. (Source: HyperShell, `ClientThread.new`.)
   * Errors: ERR_OPTION and its kin, ERR_CONNECT_TIMEOUT, ERR_AUTH, ERR_VERSION, ERR_TLS, ERR_TEMPLATE, ERR_SPAWN.
   */
  static async new(options: ClientOptions = {}): Promise<ClientThread> {
    return ClientThread.start(parseClientOptions(options), newId(), null);
  }

  /** As `new`, of checked options and, for `runLocal`, with a server in this process. */
  static async start(
    parsed: Parsed<ClientConfig, ClientHooks>,
    id: string,
    server: { readonly port: MessagePort; readonly peer: PeerInfo } | null,
    onAbort: 'kill' | 'drain' = 'kill',
  ): Promise<ClientThread> {
    const client = new ClientThread(parsed, id, server, onAbort);
    await client.open();
    return client;
  }

  private constructor(
    { config, hooks }: Parsed<ClientConfig, ClientHooks>,
    id: string,
    server: ClientThreadData['server'],
    onAbort: 'kill' | 'drain',
  ) {
    const state = new SharedArrayBuffer(4);
    const data: ClientThreadData = { config, environment: clientEnvironment(), server, state };
    const transfer = server === null ? [] : [server.port];
    super({
      entry,
      name: 'millrace client',
      id,
      data,
      transfer,
      logger: hooks.logger,
      onAbort,
      ...(hooks.signal === null ? {} : { signal: hooks.signal }),
    });
    this.#state = new Int32Array(state);
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

/** What a client with this configuration says of itself. */
export function clientPeer(config: ClientConfig, id: string): PeerInfo {
  const { numTasks: slots, cores, memory, resources, tags } = config;
  return { role: 'client', id, host: hostName(), pid: process.pid, client: { slots, cores, memory, resources, tags } };
}
