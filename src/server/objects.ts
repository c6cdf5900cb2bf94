/**
 * Remote objects at a server's address: its daemon and name server, loaded when the first caller comes, or when somebody asks for names that are kept. A server
 * that nobody calls so pays nothing.
 */
import { MillraceError } from '../base/errors.ts';
import type { NameObject, NamePage } from '../remote/name-object.ts';
import type { ServerDaemon } from '../remote/server-daemon.ts';
import type { StoredName } from '../store/names.ts';
import type { TaskStore } from '../store/store.ts';
import type { Connection } from '../transport/connection.ts';
import type { NetListener } from '../transport/listen.ts';
import type { ServerParts } from './messages.ts';

/** Names of one answer. */
const mostNames = 1_000;

/** States. *absent*. *open*: callers get in. *closed*: nobody does. */
export class ServerObjects {
  readonly #parts: ServerParts;
  readonly #store: TaskStore;
  readonly #listener: () => NetListener;
  #daemon: Promise<ServerDaemon> | null = null;
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
      ({ daemon }) => daemon.accept(connection),
      (error: unknown) => connection.destroy(MillraceError.from(error)),
    );
  }

  /** What answers names; null: none are kept, and nothing is loaded to say so. @throws ERR_ENDED */
  async names(): Promise<NameObject | null> {
    if (this.#daemon === null) {
      const kept = (await this.#store.names?.all()) ?? [];
      if (kept.length === 0 && this.#daemon === null) return null;
    }
    if (this.#closed) throw new MillraceError('ERR_ENDED', 'the server has ended');
    this.#daemon ??= this.#load();
    return (await this.#daemon).names;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const loaded = await this.#daemon?.catch(() => null);
    await loaded?.daemon.stop();
  }

  async #load(): Promise<ServerDaemon> {
    const { serverDaemon } = await import('../remote/server-daemon.ts');
    const { address, key } = this.#listener();
    const { tls } = this.#parts.config;
    // Its own listener is closed by who has opened it.
    return serverDaemon({ address, close: async () => {} }, { auth: key, tls }, this.#store.names);
  }
}

/** What a connection of control may ask of names; answers come from what answers callers too, so that changes stay in order. */
export const nameRequests = {
  async names(objects: ServerObjects | null, parameters: unknown): Promise<NamePage> {
    const { prefix, after, limit } = fields(parameters);
    const place = after === null || typeof after === 'string';
    if (typeof prefix !== 'string' || !place || !Number.isSafeInteger(limit) || (limit as number) < 0)
      throw new MillraceError('ERR_PROTOCOL', 'a page of names has a prefix, a place and a limit');
    const names = await objects?.names();
    return names?.page(prefix, after, Math.min(limit as number, mostNames)) ?? { names: [], next: null };
  },
  async name(objects: ServerObjects | null, parameters: unknown): Promise<StoredName | null> {
    return (await objects?.names())?.find(fields(parameters).name) ?? null;
  },
  /** False: there was no such name. */
  async removeName(objects: ServerObjects | null, parameters: unknown): Promise<boolean> {
    return (await objects?.names())?.remove(fields(parameters).name) ?? false;
  },
};

function fields(parameters: unknown): Record<string, unknown> {
  if (typeof parameters !== 'object' || parameters === null) throw new MillraceError('ERR_PROTOCOL', 'a request has named parameters');
  return parameters as Record<string, unknown>;
}
