/**
 * A server on a queue that another one leads. It listens on its own address, and whoever connects is passed on to the one that leads, so that any server of
 * the queue is a door to all of it. When the leader is gone one of those who follow takes the queue over and leads, with everything that a server finds
 * when it starts again; connections are then made anew by those who had them.
 *
 * States: *following* → *leading* (a `Server` has taken its place) → *ended*; a plain stop ends it from either.
 */
import { formatAddress } from '../base/address.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import type { PeerInfo } from '../protocol/messages.ts';
import { isLasting } from '../store/lasting.ts';
import { openStore } from '../store/open.ts';
import { follow, type Membership } from '../store/postgres/membership.ts';
import type { TaskStore } from '../store/store.ts';
import type { Summary } from '../task/result.ts';
import type { Connection } from '../transport/connection.ts';
import type { NetListener } from '../transport/listen.ts';
import { memoryLink } from '../transport/memory.ts';
import { HostRelay } from './host-relay.ts';
import { Leader } from './leader.ts';
import { openListener } from './listener.ts';
import type { ServerInfo, ServerParts } from './messages.ts';
import { relay } from './relay.ts';
import { Server } from './server.ts';
import { openStoreOf } from './store-of.ts';
import { infoOf } from './welcome.ts';

/** Between two looks whether somebody leads, while connections say that somebody does (ms). */
const lookEvery = 2_000;

/** How long a connection waits for a leader (ms); then it is closed, and its owner tries elsewhere. */
const patience = 3_000;

/** A connection of this process, which stays whoever leads; `host`: that of the handle. */
interface Attended {
  readonly relay: HostRelay;
  readonly host: boolean;
  joining: boolean;
}

export class Follower {
  readonly ended: Promise<Summary>;
  readonly #ended: Deferred<Summary> = deferred();
  readonly #parts: ServerParts;
  readonly #database: string;
  readonly #leader: Leader;
  readonly #salt: string;
  readonly #relayed: Set<Connection> = new Set();
  readonly #abort: AbortController = new AbortController();
  #listener: NetListener | null = null;
  #membership: Membership | null = null;
  /** Connections of this process. */
  readonly #attended: Attended[] = [];
  #server: Server | null = null;
  #held = false;
  #over = false;
  #wake: (() => void) | null = null;

  /** @throws ERR_DATABASE…, ERR_ADDRESS…, ERR_AUTH_REQUIRED, ERR_TLS */
  static async open(parts: ServerParts): Promise<Follower> {
    const database = parts.config.database ?? '';
    const reader = await openStore(database, { access: 'read', clock: parts.clock });
    const salt = await Promise.resolve(reader.salt()).finally(() => reader.close());
    const follower = new Follower(parts, database, salt);
    await follower.#leader.open();
    const listener = await openListener(parts, (connection) => follower.accept(connection, false));
    follower.#listener = listener;
    follower.#membership = await follow(database, parts.id, listener === null ? '' : formatAddress(listener.address), parts.clock);
    void follower.#watch();
    return follower;
  }

  private constructor(parts: ServerParts, database: string, salt: string) {
    this.#parts = parts;
    this.#database = database;
    this.#salt = salt;
    this.#leader = new Leader(parts.config, database, parts.clock);
    this.ended = this.#ended.promise;
    this.ended.catch(() => {});
  }

  get info(): Omit<ServerInfo, 'httpAddress'> {
    return infoOf(this.#parts, this.#listener, this.#salt, null);
  }

  accept(connection: Connection, host: boolean): void {
    if (host) this.attend(connection, true);
    else if (this.#server !== null) this.#server.admit(connection);
    else void this.#pass(connection);
  }

  /** Take over a connection of this process: that of its host, or of its HTTP face. */
  attend(connection: Connection, host: boolean): void {
    const { clock, config } = this.#parts;
    const lost = (): void => {
      if (this.#server === null) this.#lost();
      // The server of this thread has ended, and nobody reads from it any more.
      else relay.close();
    };
    const relay = new HostRelay(connection, { clock, heartrate: config.heartrate, limit: config.evictAfter, lost });
    const attended = { relay, host, joining: false };
    this.#attended.push(attended);
    if (this.#server === null) void this.#join(attended);
    else this.#lead(this.#server, attended);
  }

  hold(wanted: boolean): void {
    this.#held = wanted;
    this.#server?.hold(wanted);
  }

  stop(drain: boolean, error: MillraceError | null = null): void {
    if (this.#server === null) void this.#close(error);
    else if (error === null) void this.#server.handOver(drain);
    else this.#server.stop(drain, error);
  }

  lingers(): Promise<void> | null {
    return this.#server?.lingers() ?? null;
  }

  /** A connection to the leader, for one that came here. */
  async #pass(near: Connection): Promise<void> {
    this.#relayed.add(near);
    const over = (): void => {
      this.#relayed.delete(near);
      this.#lost();
    };
    try {
      const far = await this.#leader.dial(near.peer, patience, this.#abort.signal);
      if (this.#over || this.#server !== null) {
        far.close();
        near.close();
        this.#relayed.delete(near);
      } else relay(near, far, over);
    } catch (thrown) {
      const error = MillraceError.from(thrown);
      this.#parts.logger.debug({ err: error }, 'a connection was not passed on: nobody leads the queue, or it cannot be reached');
      near.destroy(new MillraceError('ERR_CONNECTION_CLOSED', 'no server leads the queue at the moment', { cause: error }));
      this.#relayed.delete(near);
    }
  }

  /** Who is of this process waits for as long as it takes. */
  async #join(attended: Attended): Promise<void> {
    if (attended.joining) return;
    attended.joining = true;
    const self: PeerInfo = { role: 'control', id: newId(), host: hostName(), pid: process.pid };
    while (!this.#over && this.#server === null) {
      try {
        const far = await this.#leader.dial(self, patience, this.#abort.signal);
        attended.joining = false;
        if (this.#over || this.#server !== null) far.close();
        else attended.relay.join(far);
        return;
      } catch (thrown) {
        this.#parts.logger.debug({ err: MillraceError.from(thrown) }, 'nobody leads the queue, or it cannot be reached');
        this.#wake?.();
        await this.#pause(100);
      }
    }
    attended.joining = false;
  }

  /** A connection to the leader broke: perhaps it is gone. */
  #lost(): void {
    if (this.#over || this.#server !== null) return;
    this.#wake?.();
    for (const attended of this.#attended) if (!attended.relay.joined) void this.#joinSoon(attended);
  }

  async #joinSoon(attended: Attended): Promise<void> {
    await this.#pause(20);
    if (!attended.relay.joined) await this.#join(attended);
  }

  /** Take the queue as soon as nobody leads it. */
  async #watch(): Promise<void> {
    while (!this.#over) {
      try {
        const store = await openStoreOf(this.#parts);
        await this.#take(store);
        return;
      } catch (thrown) {
        const error = MillraceError.from(thrown);
        if (error.code !== 'ERR_DATABASE_IN_USE' && isLasting(error)) {
          void this.#close(error);
          return;
        }
      }
      await this.#pause(lookEvery, true);
    }
  }

  async #take(store: TaskStore): Promise<void> {
    const listener = this.#listener;
    if (this.#over || listener === null) {
      await store.close();
      return;
    }
    let server: Server;
    try {
      server = await Server.open(this.#parts, { store, listener });
    } catch (thrown) {
      void this.#close(MillraceError.from(thrown));
      return;
    }
    this.#parts.logger.info({ recovered: server.info.recovered }, 'this server leads the queue now');
    this.#server = server;
    void this.#membership?.close();
    if (this.#held) server.hold(true);
    for (const near of this.#relayed) near.close();
    this.#relayed.clear();
    for (const attended of this.#attended) this.#lead(server, attended);
    server.ended.then(this.#ended.resolve, this.#ended.reject);
    if (this.#over) server.stop(false);
  }

  /** It ends in this thread from now on. */
  #lead(server: Server, { relay, host }: Attended): void {
    const peer = (role: PeerInfo['role']): PeerInfo => ({ role, id: newId(), host: hostName(), pid: process.pid });
    const { left, right } = memoryLink({ left: peer('control'), right: peer('server'), copy: false, clock: this.#parts.clock });
    server.accept(right, host);
    relay.join(left);
  }

  async #close(error: MillraceError | null): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const summary = await this.#leader.summary();
    this.#abort.abort();
    this.#wake?.();
    for (const { relay } of this.#attended) {
      relay.tellOver();
      relay.close();
    }
    for (const near of this.#relayed) near.close();
    await this.#membership?.close();
    await this.#listener?.close().catch(() => {});
    if (error === null) this.#ended.resolve(summary);
    else this.#ended.reject(error);
  }

  /** `wakeable`: shorter when the leader may be gone. */
  #pause(ms: number, wakeable = false): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(ms, resolve);
      if (!wakeable) return;
      this.#wake = () => {
        this.#wake = null;
        cancel();
        resolve();
      };
    });
  }
}
