/** Remote objects at a server's address: its daemon and name server, loaded when the first caller comes. A server that nobody calls so pays nothing. */
import { MillraceError } from '../base/errors.ts';
import type { Daemon } from '../remote/daemon.ts';
import type { TaskStore } from '../store/store.ts';
import type { Connection } from '../transport/connection.ts';
import type { NetListener } from '../transport/listen.ts';
import type { ServerParts } from './messages.ts';

/** States. *absent*. *open*: callers get in. *closed*: nobody does. */
export class ServerObjects {
  readonly #parts: ServerParts;
  readonly #store: TaskStore;
  readonly #listener: () => NetListener;
  #daemon: Promise<Daemon> | null = null;
  #closed = false;

  constructor(parts: ServerParts, store: TaskStore, listener: () => NetListener) {
    this.#parts = parts;
    this.#store = store;
    this.#listener = listener;
  }

  accept(connection: Connection): void {
    if (this.#closed) {
      connection.destroy(new MillraceError('ERR_ENDED', 'the server has ended'));
      return;
    }
    this.#daemon ??= this.#load();
    this.#daemon.then(
      (daemon) => daemon.accept(connection),
      (error: unknown) => connection.destroy(MillraceError.from(error)),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    const daemon = await this.#daemon?.catch(() => null);
    await daemon?.stop();
  }

  async #load(): Promise<Daemon> {
    const { serverDaemon } = await import('../remote/server-daemon.ts');
    const { address, key } = this.#listener();
    const { tls } = this.#parts.config;
    // Its own listener is closed by who has opened it.
    return serverDaemon({ address, close: async () => {} }, { auth: key, tls }, this.#store.names);
  }
}
