/**
 * All connections of the server: who may say what, whose tasks are watched, who is silent, and how each is ended. A send to a
 * connection that is gone dies with it.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { isOwnedBy } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { ServerConfig } from '../config/server-options.ts';
import { leanRow, listsOf } from '../data/row-size.ts';
import type { Message, TaskProgress } from '../protocol/messages.ts';
import type { TaskStore } from '../store/store.ts';
import type { Connection } from '../transport/connection.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';
import { Peer } from '../transport/peer.ts';
import type { Turn } from './core/events.ts';
import { GraphGate, graphPrefix } from './graph/gate.ts';
import { BundleSender, type Intake } from './intake.ts';
import { clientEvent, type Interceptor, type Link, rowsOf, unexpected } from './link.ts';
import { clientRequests } from './parents.ts';
import { type RequestContext, requestHandlers } from './requests.ts';
import type { Turns } from './turns.ts';
import { wordsEvent } from './words.ts';

export interface LinksOptions {
  readonly context: Omit<RequestContext, 'peerOf'>;
  readonly turns: Turns;
  readonly intake: Intake;
  readonly store: TaskStore;
  readonly clock: Clock;
  readonly welcome: Message;
  readonly config: Pick<ServerConfig, 'evictAfter' | 'heartrate' | 'reconnectGrace'>;
  readonly logger: Logger;
  readonly epoch: number;
  readonly failed: (error: MillraceError) => void;
}

/** Beyond so many tasks that cannot be written a connection of control is not read either. */
const mostHeld = 20_000;

interface Entry extends Link {
  readonly stopHeartbeat: () => void;
  readonly sender: BundleSender;
  readonly watching: Set<string>;
}

export class Links {
  readonly #options: LinksOptions;
  readonly #entries: Map<string, Entry> = new Map();
  readonly #intercepted: Map<string, Interceptor> = new Map();
  #clients = 0;
  #noClients: (() => void) | null = null;
  #stalled = false;
  /** Tasks that came over connections of control while nothing could be written. */
  #held = 0;

  readonly #graphs: GraphGate;

  constructor(options: LinksOptions) {
    this.#options = options;
    const { clock, logger, config, turns, store, epoch, failed } = options;
    const hold = (link: Link | null, submitter: string): void =>
      turns.feed({ type: 'submitter-open', connection: link?.connection.id ?? '', submitter });
    const release = (link: Link | null, submitter: string): void =>
      turns.feed({ type: 'submitter-done', connection: link?.connection.id ?? '', submitter });
    const { reconnectGrace: grace, evictAfter: patience } = config;
    const { sessions = null, durable } = store;
    this.#graphs = new GraphGate({ clock, logger, grace, patience, sessions, durable, epoch, failed, hold, release }, this);
  }

  /** Before anybody is connected. */
  recover(): Promise<void> {
    return this.#graphs.recover();
  }

  [Symbol.iterator](): Iterator<Link> {
    return this.#entries.values();
  }

  /** Open result cursors of all links. */
  get cursors(): number {
    let cursors = 0;
    for (const entry of this.#entries.values()) cursors += entry.cursors;
    return cursors;
  }

  add(connection: Connection, host: boolean, joined = false): Link {
    const { clock, config, turns } = this.#options;
    const context = { ...this.#options.context, peerOf: (name: string) => this.#entries.get(name)?.peer ?? null };
    const { role } = connection.peer;
    const stopHeartbeat = host
      ? () => {}
      : watchHeartbeat(connection, {
          heartrate: config.heartrate,
          // Clients are given up by the core, in a turn of its own.
          limit: role === 'client' ? Number.POSITIVE_INFINITY : config.evictAfter,
          clock,
          onSilent: () =>
            connection.destroy(new MillraceError('ERR_CONNECTION_CLOSED', 'the other side was silent for longer than evictAfter')),
        });
    const handlers = role === 'client' ? clientRequests() : requestHandlers;
    const peer = new Peer(connection, {
      clock,
      requests: (name, parameters) => {
        if (name.startsWith(graphPrefix)) return this.#graphs.request(entry, name, parameters);
        const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
        if (handler === undefined) throw new MillraceError('ERR_PROTOCOL', `a ${role} cannot ask for '${name}'`);
        return handler(context, entry, parameters);
      },
      message: (message) => this.#receive(entry, message),
      closed: () => this.#closed(entry),
    });
    const sender = new BundleSender(connection.id, (error) => connection.destroy(error));
    const entry: Entry = { connection, peer, role, host, listens: new Set(), cursors: 0, stopHeartbeat, sender, watching: new Set() };
    this.#entries.set(connection.id, entry);
    if (this.#stalled && !host && role !== 'control') connection.pause();
    connection.send(this.#options.welcome);
    if (role === 'client') {
      this.#clients++;
      const { id, host: hostName, token = '', client: capacity } = connection.peer;
      const { certificate = null } = connection;
      if (capacity === undefined) connection.destroy(new MillraceError('ERR_PROTOCOL', 'a client must say what it offers'));
      else if (!joined && !isOwnedBy(id, token))
        connection.destroy(new MillraceError('ERR_PROTOCOL', 'a client does not hold the token of the id that it claims'));
      else turns.feed({ type: 'client-connected', connection: connection.id, id, host: hostName, capacity, joined, certificate });
    }
    return entry;
  }

  /** A sender inside the server that has no connection; null: it has gone. */
  intercept(name: string, interceptor: Interceptor | null): void {
    if (interceptor === null) this.#intercepted.delete(name);
    else this.#intercepted.set(name, interceptor);
  }

  /** To clients first: a write wakes its reader, and the 0.1 ms of that a submitter's answer can wait for better than a slot, as can all else that a turn tells. */
  sendAll(sends: readonly { readonly connection: string; readonly message: Message }[]): void {
    const isClient = (name: string): boolean => this.#entries.get(name)?.role === 'client';
    const first = sends.filter(({ connection }) => isClient(connection));
    for (const { connection, message } of first) this.send(connection, message);
    for (const { connection } of first) this.#entries.get(connection)?.connection.flush?.();
    for (const { connection, message } of sends) if (!isClient(connection)) this.send(connection, message);
  }

  /** What a turn has for connections. */
  perform({ sends, cut, left }: Turn): void {
    this.sendAll(sends);
    for (const { connection, error } of cut) {
      // Who is here again by another connection, as may be after a slow commit, was given up with the former one.
      const entry = this.#entries.get(connection);
      if (entry?.role === 'client' && left.includes(entry.connection.peer.id)) this.#graphs.gaveUp(entry);
      this.cut(connection, error);
    }
  }

  send(name: string, message: Message): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      this.#intercepted.get(name)?.receive(message);
      return;
    }
    if (message[0] === 'submitted' && entry.watching.delete(`${message[1]} ${message[2]}`)) this.#watch(entry, message[3]);
    entry.connection.send(message);
  }

  cut(name: string, error: MillraceError): void {
    this.#entries.get(name)?.connection.destroy(error);
    this.#intercepted.get(name)?.cut(error);
  }

  /**
   * Read nothing from clients and submitters while nothing can be written: what they hold stays with them. Whoever looks on may ask how things are.
   * Who was not read was not silent: it must not be given up for that.
   */
  stall(wanted: boolean): void {
    this.#stalled = wanted;
    this.#held = 0;
    for (const { connection, role, host } of this.#entries.values()) {
      if (host) continue;
      if (!wanted) {
        if (role === 'client') this.#options.turns.feed({ type: 'contact', connection: connection.id });
        connection.resume();
      } else if (role !== 'control') connection.pause();
    }
  }

  /** Called once, when no client is connected: at once when that is so. */
  whenNoClients(call: () => void): void {
    this.#noClients = call;
    this.#tellNoClients();
  }

  closeAllButReaders(): void {
    for (const entry of this.#entries.values()) if (entry.cursors === 0 && !entry.host) entry.connection.close();
  }

  closeAll(error?: MillraceError): void {
    this.#graphs.close();
    for (const { connection } of [...this.#entries.values()]) {
      if (error === undefined) connection.close();
      else connection.destroy(error);
    }
  }

  #receive(entry: Entry, message: Message): void {
    const { turns } = this.#options;
    const { id } = entry.connection;
    try {
      if (entry.role === 'client') {
        if (message[0] === 'progress') {
          this.#progress(id, message[1]);
          return;
        }
        if (message[0] === 'event') {
          this.#graphs.event(entry, message[1], message[2]);
          turns.feed({ type: 'contact', connection: id });
          return;
        }
        if (message[0] === 'bye') this.#graphs.left(entry.connection.peer.id);
        const event = clientEvent(id, message);
        if (event !== null) turns.feed(event, rowsOf(message));
        return;
      }
      switch (message[0]) {
        case 'heartbeat':
        case 'bye':
          return;
        case 'submitter-open':
          turns.feed({ type: 'submitter-open', connection: id, submitter: message[1] });
          return;
        case 'submitter-done':
          this.#options.intake.done(entry.sender, message[1]);
          return;
        case 'submit':
          if (this.#stalled && !entry.host) this.#holdBack(entry, message[3].length);
          if (message[4]) entry.watching.add(`${message[1]} ${message[2]}`);
          this.#options.intake.submit(entry.sender, message);
          return;
        default:
          throw unexpected(message, entry.role);
      }
    } catch (thrown) {
      entry.connection.destroy(MillraceError.from(thrown, 'ERR_PROTOCOL'));
    }
  }

  /** What a connection of control submits while nothing can be written is kept, up to a limit. */
  #holdBack(entry: Entry, tasks: number): void {
    this.#held += tasks;
    if (this.#held > mostHeld) entry.connection.pause();
  }

  /** Told with the next turn: a start must be told before. */
  #progress(connection: string, said: TaskProgress[1]): void {
    const { audience, core, salt } = this.#options.context;
    if (audience.hears(wordsEvent)) audience.words.say(core, salt, connection, said);
    this.#options.turns.feed({ type: 'contact', connection });
  }

  /** Register what a watched bundle became; duplicates that have ended already are told at once. */
  #watch(entry: Entry, receipt: { first: number; count: number; duplicates: readonly (readonly [number, number])[] }): void {
    const { audience } = this.#options.context;
    audience.watch(
      entry,
      Array.from({ length: receipt.count }, (_, i) => receipt.first + i),
    );
    const numbers = receipt.duplicates.map(([, n]) => n);
    if (numbers.length === 0) return;
    audience.watch(entry, numbers);
    void Promise.resolve(this.#options.store.find({ numbers, limit: numbers.length })).then((found) => {
      const ended = found.filter((row) => row.end !== null);
      for (const { rows } of listsOf(ended.map(leanRow))) entry.peer.notify('watched', rows);
    });
  }

  #closed(entry: Entry): void {
    entry.stopHeartbeat();
    this.#entries.delete(entry.connection.id);
    const { context, turns } = this.#options;
    context.audience.leave(entry);
    this.#graphs.disconnected(entry);
    turns.feed({ type: 'disconnected', connection: entry.connection.id });
    if (entry.role === 'client') {
      this.#clients--;
      this.#tellNoClients();
    }
    if (entry.cursors > 0) {
      entry.cursors = 0;
      context.readerMoved();
    }
  }

  #tellNoClients(): void {
    if (this.#clients > 0 || this.#noClients === null) return;
    const call = this.#noClients;
    this.#noClients = null;
    call();
  }
}
