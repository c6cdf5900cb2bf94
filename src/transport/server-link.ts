/**
 * A lasting connection to a server, for roles that outlive a single one: it dials until the server answers, keeps the signs of life
 * that the server asks for, and dials again when the connection breaks. What is lost in between is the role's to send again.
 *
 * States: *dialling* → *connected* (welcomed) ⇄ *dialling* → *over* (closed, or given up: `failed` was called).
 */
import type { Address } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Message, PeerInfo, Welcome } from '../protocol/messages.ts';
import type { TlsChoice } from './certificate.ts';
import type { Connection } from './connection.ts';
import { watchHeartbeat } from './heartbeat.ts';
import type { RawBytes } from './peer.ts';
import { dialUntil, longestWait } from './reconnect.ts';

/** One attempt to connect (ms), and how many may miss the key of a server that is starting on this machine. */
const longestAttempt = 5_000;
const mostKeysMissed = 5;

/** How long a closing connection may take to deliver what is queued (ms). */
const farewell = 1_500;

type Awaitable<T> = T | Promise<T>;

export interface ServerLinkOptions {
  readonly address: Address;
  /** Further servers of the same queue: one of all is picked by chance, and the next one when it does not answer. */
  readonly others?: readonly Address[];
  readonly auth: string | null;
  readonly tls: TlsChoice;
  /** Where the server is now, asked before each attempt: it may come back elsewhere. Null: nobody knows. Absent: it stays where it is. */
  readonly locate?: () => Awaitable<Pick<ServerLinkOptions, 'address' | 'auth' | 'tls'> | null>;
  /** What this side says of itself; a function is asked at each hello. */
  readonly self: PeerInfo | (() => PeerInfo);
  readonly clock: Clock;
  readonly logger: Logger;
  /** ms; null: as the server says. */
  readonly heartrate: number | null;
  /** ms; how long to try to get a lost server back, then ERR_SERVER_LOST. */
  readonly reconnectTimeout: number;
  /** Aborted: `open` and `adopt` give up. */
  readonly signal: AbortSignal;
}

export interface ServerLinkHandlers {
  /** A connection stands, authenticated and welcomed: now messages may be sent. */
  welcomed(server: Welcome[1]): void;
  message(message: Message): void;
  disconnected(error: MillraceError | null): void;
  /** There will be no further connection. */
  failed(error: MillraceError): void;
}

export class ServerLink {
  readonly #options: ServerLinkOptions;
  readonly #handlers: ServerLinkHandlers;
  readonly #first: Deferred<void> = deferred();
  readonly #abort: AbortController = new AbortController();
  #connection: Connection | null = null;
  #stopHeartbeat: (() => void) | null = null;
  /** Given by the caller: there is no second one. */
  #single = false;
  #over = false;
  /** Which of its addresses is dialled. */
  #place: number;
  #gone: (() => void) | null = null;
  /** Of the last server that welcomed it, ms. */
  #evictAfter: number | null = null;

  constructor(options: ServerLinkOptions, handlers: ServerLinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#first.promise.catch(() => {});
    this.#place = Math.floor(options.clock.random() * (1 + (options.others?.length ?? 0)));
    const { signal } = options;
    const giveUp = (): void => {
      this.#abort.abort(signal.reason);
      // Also where nothing is dialled: a server may be silent, or gone without a word.
      this.#first.reject(new MillraceError('ERR_ABORTED', 'connecting was aborted', { cause: signal.reason }));
    };
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
  }

  /**
   * Resolves when the server has welcomed the first connection.
   * @throws ERR_CONNECT_TIMEOUT, ERR_AUTH, ERR_VERSION, ERR_TLS, ERR_ADDRESS, ERR_ABORTED
   */
  async open(timeout: number): Promise<void> {
    await this.#welcomed(this.#dial(timeout));
  }

  /** As `open`, with a connection that stands already. */
  async adopt(connection: Connection): Promise<void> {
    this.#single = true;
    this.#take(connection);
    await this.#welcomed();
  }

  send(message: Message): void {
    this.#connection?.send(message);
  }

  /** An answer that is nothing but bytes. @throws ERR_FRAME_TOO_LARGE; it is not told that they are out then */
  sendBytes(id: number, raw: RawBytes): void {
    const connection = this.#connection;
    if (connection?.sendBytes !== undefined) {
      connection.sendBytes(id, raw.bytes, () => raw.sent());
      return;
    }
    connection?.send(['=', id, raw.bytes]);
    raw.sent();
  }

  /** Break the connection: it will be dialled again. */
  break(error: MillraceError): void {
    this.#connection?.destroy(error);
  }

  /** Deliver what is queued and leave; resolves when the connection is closed, at the latest after a second or two. */
  async close(): Promise<void> {
    this.#end();
    const connection = this.#connection;
    if (connection === null) return;
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
      this.#options.clock.after(farewell, resolve, { unref: true });
    });
    connection.close();
    await gone;
  }

  async #dial(timeout: number): Promise<void> {
    const { self, locate, clock, logger } = this.#options;
    const { signal } = this.#abort;
    // Sockets and TLS take 50 ms to load, and a server in this process needs neither.
    const { dial } = await import('./dial.ts');
    const all = [this.#options.address, ...(this.#options.others ?? [])];
    let keysMissed = 0;
    const attempt = async (left: number): Promise<Connection> => {
      const { address, auth, tls } = (await locate?.()) ?? { ...this.#options, address: all[this.#place % all.length]! };
      try {
        const said = typeof self === 'function' ? self() : self;
        return await dial(address, { auth, tls, self: said, clock, timeout: Math.min(left, longestAttempt), signal });
      } catch (thrown) {
        const error = MillraceError.from(thrown);
        this.#place++;
        // A server that restarts on this machine takes its port a moment before its new key can be found.
        if ((auth !== null && locate === undefined) || error.code !== 'ERR_AUTH' || ++keysMissed > mostKeysMissed) throw error;
        throw new MillraceError('ERR_CONNECTION_CLOSED', error.message, { cause: error });
      }
    };
    const onFailure = (error: MillraceError, failures: number): void => logger.debug({ err: error, failures }, 'no connection yet');
    const connection = await dialUntil(attempt, { clock, timeout, signal, onFailure, longestWait: longestWait(this.#evictAfter) });
    if (this.#over) connection.close();
    else this.#take(connection);
  }

  async #welcomed(connecting?: Promise<void>): Promise<void> {
    try {
      await connecting;
      await this.#first.promise;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #take(connection: Connection): void {
    this.#connection = connection;
    connection.start({
      message: (message) => this.#receive(connection, message),
      closed: (error) => this.#lost(connection, error),
    });
  }

  #receive(connection: Connection, message: Message): void {
    if (connection !== this.#connection) return;
    const { clock, heartrate, others = [] } = this.#options;
    if (message[0] === 'end' && message[1] === 'elsewhere') {
      // The queue goes on at another server, which is dialled when this one has closed the connection. Who knows no other is done.
      if (others.length === 0) this.#handlers.message(['end', 'complete']);
      return;
    }
    if (message[0] !== 'welcome') {
      this.#handlers.message(message);
      return;
    }
    const [, server] = message;
    this.#evictAfter = server.evictAfter;
    this.#stopHeartbeat?.();
    this.#stopHeartbeat = watchHeartbeat(connection, {
      heartrate: Math.min(heartrate ?? server.heartrate, server.evictAfter / 3),
      limit: server.evictAfter,
      clock,
      onSilent: () => connection.destroy(new MillraceError('ERR_CONNECTION_CLOSED', 'the server was silent for longer than evictAfter')),
    });
    this.#handlers.welcomed(server);
    this.#first.resolve();
  }

  #lost(connection: Connection, error: MillraceError | null): void {
    if (connection !== this.#connection) return;
    this.#connection = null;
    this.#stopHeartbeat?.();
    this.#stopHeartbeat = null;
    this.#gone?.();
    if (this.#over) return;
    this.#options.logger.info({ err: error }, 'the connection to the server is gone');
    // Where there is another one, it is tried first: this one may be there and be of no use.
    this.#place++;
    this.#handlers.disconnected(error);
    if (this.#single) {
      this.#fail(new MillraceError('ERR_SERVER_LOST', 'the server in this process has ended', { cause: error }));
      return;
    }
    this.#dial(this.#options.reconnectTimeout).catch((thrown: unknown) => {
      const failure = MillraceError.from(thrown);
      const late = failure.code === 'ERR_CONNECT_TIMEOUT';
      this.#fail(
        late ? new MillraceError('ERR_SERVER_LOST', 'the server did not come back within reconnectTimeout', { cause: failure }) : failure,
      );
    });
  }

  #fail(error: MillraceError): void {
    if (this.#over) return;
    this.#end();
    this.#first.reject(error);
    this.#handlers.failed(error);
  }

  #end(): void {
    this.#over = true;
    this.#stopHeartbeat?.();
    this.#stopHeartbeat = null;
    this.#abort.abort(new MillraceError('ERR_ENDED', 'the component has ended'));
  }
}
