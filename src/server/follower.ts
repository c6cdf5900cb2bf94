/**
 * A server on a queue that another one leads. It listens on its own address, and whoever connects is passed on to the one that leads, so that any server of
 * the queue is a door to all of it. When the leader is gone one of those who follow takes the queue over and leads, with everything that a server finds
 * when it starts again; connections are then made anew by those who had them.
 *
 * States: *following* → *leading* (a `Server` has taken its place) → *ended*; or *following* → *ended*, by a stop, or when the queue is done (without `foreverMode`).
 */
import { formatAddress } from '../base/address.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import { isLasting } from '../store/lasting.ts';
import { openStore } from '../store/open.ts';
import { follow, type Membership } from '../store/postgres/membership.ts';
import type { TaskStore } from '../store/store.ts';
import type { Summary } from '../task/result.ts';
import type { Connection } from '../transport/connection.ts';
import type { NetListener } from '../transport/listen.ts';
import { type Beginning, beginning, failureOf, joinedSummary } from './followed-run.ts';
import type { Parting } from './hand-over.ts';
import { HostRelay } from './host-relay.ts';
import { Leader } from './leader.ts';
import { openListener } from './listener.ts';
import { localLink, peerOf } from './local-link.ts';
import type { ServerInfo, ServerParts } from './messages.ts';
import { PassedOn, patience } from './passed-on.ts';
import { readAfter } from './read-after.ts';
import { Server } from './server.ts';
import { openStoreOf } from './store-of.ts';
import { withSummary } from './summary.ts';
import { infoOf } from './welcome.ts';

/** Between two looks whether somebody leads, while connections say that somebody does (ms). */
const lookEvery = 2_000;

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
  readonly #beginning: Beginning;
  readonly #startedAt: number;
  readonly #passedOn: PassedOn;
  readonly #abort: AbortController = new AbortController();
  /** Tasks that had been submitted when it began. */
  #submitted = 0;
  /** It has had its first submission. */
  #begun = false;
  #listener: NetListener | null = null;
  #membership: Membership | null = null;
  /** Connections of this process. */
  readonly #attended: Attended[] = [];
  #server: Server | null = null;
  #held = false;
  #over = false;
  #reading: Promise<void> | null = null;
  #wake: (() => void) | null = null;

  /** @throws ERR_DATABASE…, ERR_ADDRESS…, ERR_AUTH_REQUIRED, ERR_TLS */
  static async open(parts: ServerParts): Promise<Follower> {
    const database = parts.config.database ?? '';
    const follower = new Follower(parts, database, await beginning(database, parts.clock));
    follower.#submitted = await follower.#leader.open();
    const listener = await openListener(parts, (connection) => follower.accept(connection, false));
    follower.#listener = listener;
    follower.#membership = await follow(database, parts.id, listener === null ? '' : formatAddress(listener.address), parts.clock);
    void follower.#watch();
    return follower;
  }

  private constructor(parts: ServerParts, database: string, began: Beginning) {
    const { config, clock, logger } = parts;
    this.#parts = parts;
    this.#database = database;
    this.#beginning = began;
    this.#startedAt = clock.now();
    this.#leader = new Leader(config, database, clock);
    this.#passedOn = new PassedOn({ leader: this.#leader, logger, signal: this.#abort.signal, lost: () => this.#lost() });
    this.ended = this.#ended.promise;
    this.ended.catch(() => {});
  }

  get info(): Omit<ServerInfo, 'httpAddress'> {
    return infoOf(this.#parts, this.#listener, this.#beginning.salt, null);
  }

  accept(connection: Connection, host: boolean): void {
    if (host) this.attend(connection, true);
    else if (this.#server !== null) this.#server.admit(connection);
    else void this.#passedOn.add(connection);
  }

  /** Take over a connection of this process: that of its host, of its source, or of its HTTP face. */
  attend(connection: Connection, host: boolean): void {
    const { clock, config, expectSource } = this.#parts;
    const lost = (): void => {
      if (this.#server === null) this.#lost();
      // The server of this thread has ended, and nobody reads from it any more.
      else relay.close();
    };
    const submits = (): void => {
      if (!this.#begun) void this.#untilDone(relay, null);
      this.#begun = true;
    };
    const relay = new HostRelay(connection, { clock, config, since: this.#beginning.since, lost, submits });
    const attended = { relay, host, joining: false };
    this.#attended.push(attended);
    if (host && !expectSource) void this.#untilDone(relay, config.restartMode ? null : this.#submitted);
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
    return this.#reading ?? this.#server?.lingers() ?? null;
  }

  /** Without `foreverMode`: be told when the queue is done. `submitted`: not before more than so many tasks were submitted to it. */
  async #untilDone(relay: HostRelay, submitted: number | null): Promise<void> {
    if (this.#parts.config.foreverMode) return;
    try {
      const parting = (await relay.ask('over', { server: this.#parts.id, submitted })) as Parting;
      if (this.#over || this.#server !== null) return;
      this.#over = true;
      await this.#done(parting);
    } catch (thrown) {
      if (this.#server === null) void this.#close(MillraceError.from(thrown));
    }
  }

  async #done(parting: Parting): Promise<void> {
    // What this host listens to was sent before, on a connection of its own.
    await Promise.all(this.#attended.map(({ relay, host }) => (host ? relay.flushed() : null)));
    const { clock, config } = this.#parts;
    const summary = await this.#leader.summary();
    const hosts = this.#attended.filter(({ host }) => host).map(({ relay }) => relay);
    for (const host of hosts) host.tellOver();
    let error: MillraceError | null = null;
    try {
      const store = await openStore(this.#database, { access: 'read', clock });
      if (config.throwOnFailure) error = await failureOf(store, this.#beginning, summary);
      this.#reading = Promise.all(hosts.map((host) => readAfter(store, host, clock))).then(() => store.close());
    } catch (thrown) {
      error = MillraceError.from(thrown);
    }
    await this.#leave(parting);
    for (const { relay, host } of this.#attended) if (!host || this.#reading === null) relay.close();
    if (error === null) this.#ended.resolve(summary);
    else this.#ended.reject(withSummary(error, summary));
  }

  /** Who is of this process waits for as long as it takes. */
  async #join(attended: Attended): Promise<void> {
    if (attended.joining) return;
    attended.joining = true;
    const self = peerOf('control');
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
    let before: Summary;
    try {
      before = await this.#leader.summary();
      server = await Server.open(this.#partsOfLeader(), { store, listener });
    } catch (thrown) {
      void this.#close(MillraceError.from(thrown));
      return;
    }
    if (this.#over) {
      server.stop(false);
      return;
    }
    const { clock, logger } = this.#parts;
    logger.info({ recovered: server.info.recovered }, 'this server leads the queue now');
    this.#server = server;
    void this.#leader.tellReplaced(server.info.recovered?.epoch ?? 0);
    void this.#membership?.close();
    if (this.#held) server.hold(true);
    this.#passedOn.close();
    for (const attended of this.#attended) this.#lead(server, attended);
    const durationMs = (): number => clock.now() - this.#startedAt;
    server.ended.then((after) => this.#ended.resolve(joinedSummary(before, after, durationMs())), this.#ended.reject);
  }

  /** Where all that was submitted here is in the queue, it need not wait for a submission before it ends. */
  #partsOfLeader(): ServerParts {
    const { config } = this.#parts;
    const begun = this.#begun || (!this.#parts.expectSource && this.#leader.submitted > this.#submitted);
    const submits = this.#attended.some(({ relay }) => relay.submitting);
    if (config.foreverMode || !begun || submits) return this.#parts;
    return { ...this.#parts, expectSource: false, config: { ...config, restartMode: true } };
  }

  /** It ends in this thread from now on. */
  #lead(server: Server, { relay, host }: Attended): void {
    const { left, right } = localLink(this.#parts.clock);
    server.accept(right, host);
    relay.join(left, true);
  }

  async #close(error: MillraceError | null): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const summary = await this.#leader.summary();
    for (const { relay } of this.#attended) {
      relay.tellOver();
      relay.close();
    }
    await this.#leave(null);
    if (error === null) this.#ended.resolve(summary);
    else this.#ended.reject(error);
  }

  async #leave(parting: Parting | null): Promise<void> {
    this.#abort.abort();
    this.#wake?.();
    this.#passedOn.close(parting);
    await this.#membership?.close();
    await this.#listener?.close().catch(() => {});
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
