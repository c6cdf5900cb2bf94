/**
 * Requests and answers over any connection, by ids of our own: `['?', id, method, params]` is answered by `['=', id, value]` or
 * `['!', id, error]`. Events go one way. All other messages pass on to the role.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { Message } from '../protocol/messages.ts';
import { fromWireError, toWireError, type WireError } from '../protocol/wire-error.ts';
import { abortedError, boundCall } from './call-bounds.ts';
import type { Connection } from './connection.ts';

/** Below this a copy into a frame with other messages is cheaper. */
const worthRaw = 16 * 1024;

/** An answer that is nothing but bytes, which nobody changes until they are out: on carriers that can do so it leaves from where it lies. */
export class RawBytes {
  readonly bytes: Uint8Array;
  readonly #sent: () => void;

  /** `sent`: called once, when the bytes are out, or will never be: their memory may be used again. */
  constructor(bytes: Uint8Array, sent: () => void = () => {}) {
    this.bytes = bytes;
    this.#sent = sent;
  }

  sent(): void {
    this.#sent();
  }
}

export interface PeerHandlers {
  readonly clock: Clock;
  /** Answers the other side's requests with plain data, or `RawBytes`; what it throws is the refusal. Absent: every request is refused. */
  requests?(method: string, params: unknown): unknown;
  /** An event of the other side. Absent: it goes to `message`. */
  event?(name: string, value: unknown): void;
  /** Every message that is no request, answer or (with `event`) event. */
  message?(message: Message): void;
  /** Called once, last, after all open requests were rejected. */
  closed?(error: MillraceError | null): void;
  /** The backlog fell after `send` had returned false. */
  drained?(): void;
}

export interface RequestOptions {
  /** ms; then `ERR_TIMEOUT`, and a late answer is thrown away. Default: none. */
  readonly timeout?: number;
  /** `ERR_ABORTED`. The other side goes on all the same. */
  readonly signal?: AbortSignal;
  /** The answer has to be bytes, and at most so many: they are written here, and the answer is the part that was filled. Else `ERR_PROTOCOL`. */
  readonly into?: Uint8Array;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: MillraceError): void;
  /** Takes back time-out and signal; null: neither was asked for. */
  readonly cleanup: (() => void) | null;
  readonly into: Uint8Array | null;
}

/**
 * States. *open*: requests may be made. *closed*: every open request was rejected with `ERR_CONNECTION_CLOSED`, as each further one is. An
 * answer to an id that is not open (timed out, aborted, invented) is ignored.
 */
export class Peer {
  readonly connection: Connection;
  readonly #handlers: PeerHandlers;
  readonly #pending: Map<number, Pending> = new Map();
  #whenDrained: (() => void) | null = null;
  #lastId = 0;
  #closed = false;

  /** Starts the connection. Nothing is delivered before the caller's tick has ended. */
  constructor(connection: Connection, handlers: PeerHandlers) {
    this.connection = connection;
    this.#handlers = handlers;
    connection.start({
      message: (message) => this.#receive(message),
      closed: (error) => this.#end(error),
      drained: () => {
        const call = this.#whenDrained;
        this.#whenDrained = null;
        call?.();
        handlers.drained?.();
      },
    });
  }

  /** Requests without an answer yet. */
  get open(): number {
    return this.#pending.size;
  }

  /** Rejects with the other side's error, `ERR_CONNECTION_CLOSED`, `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_NOT_CLONEABLE` or `ERR_FRAME_TOO_LARGE`. */
  request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    const { signal, into = null } = options;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError(null));
      if (signal?.aborted) return reject(abortedError(method, signal));
      const id = ++this.#lastId;
      // Refused by the codec: nothing was sent, nothing is left open.
      this.connection.send(['?', id, method, params]);
      const cleanup = boundCall(this.#handlers.clock, method, options, (error) => this.#take(id)?.reject(error));
      this.#pending.set(id, { resolve, reject, cleanup, into });
      if (into !== null) this.connection.receiveInto?.(id, into);
    });
  }

  /** An event; no answer comes. False: the backlog is above the mark, wait for `drained`. */
  notify(name: string, value: unknown): boolean {
    return this.connection.send(['event', name, value]);
  }

  /** Once, for who was told by `notify` to wait. One at a time. */
  whenDrained(call: () => void): void {
    this.#whenDrained = call;
  }

  send(message: Message): boolean {
    return this.connection.send(message);
  }

  close(): void {
    this.connection.close();
  }

  destroy(error?: MillraceError): void {
    this.connection.destroy(error);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    pending.cleanup?.();
    if (pending.into !== null) this.connection.receiveInto?.(id, null);
    return pending;
  }

  #receive(message: Message): void {
    switch (message[0]) {
      case '=':
        this.#answered(message[1], message[2]);
        return;
      case '!':
        this.#take(message[1])?.reject(fromWireError(message[2]));
        return;
      case '?':
        this.#answer(message[1], message[2], message[3]);
        return;
      case 'event':
        if (this.#handlers.event !== undefined) {
          this.#handlers.event(message[1], message[2]);
          return;
        }
    }
    this.#handlers.message?.(message);
  }

  #answered(id: number, value: unknown): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    const { into } = pending;
    if (into === null) pending.resolve(value);
    else if (value instanceof Uint8Array && value.length <= into.length) {
      if (value.buffer !== into.buffer || value.byteOffset !== into.byteOffset) into.set(value);
      pending.resolve(into.subarray(0, value.length));
    } else pending.reject(new MillraceError('ERR_PROTOCOL', 'the other side answered with something that are no bytes, or with too many'));
  }

  /** What is known at once is answered in the same tick, so that it leaves in the same frame as its neighbours. */
  #answer(id: number, method: string, params: unknown): void {
    let value: unknown;
    try {
      if (this.#handlers.requests === undefined) throw new MillraceError('ERR_PROTOCOL', `this side answers no requests ('${method}')`);
      value = this.#handlers.requests(method, params);
    } catch (error) {
      this.#refuse(id, error);
      return;
    }
    if (value instanceof Promise)
      value.then(
        (later: unknown) => this.#reply(id, later),
        (error: unknown) => this.#refuse(id, error),
      );
    else this.#reply(id, value);
  }

  #reply(id: number, value: unknown): void {
    if (value instanceof RawBytes) {
      this.#replyRaw(id, value);
      return;
    }
    try {
      this.connection.send(['=', id, value]);
    } catch (error) {
      this.#refuse(id, error);
    }
  }

  #replyRaw(id: number, raw: RawBytes): void {
    const { bytes } = raw;
    try {
      if (bytes.length >= worthRaw && this.connection.sendBytes !== undefined) {
        this.connection.sendBytes(id, bytes, () => raw.sent());
        return;
      }
      this.connection.send(['=', id, bytes]);
    } catch (error) {
      this.#refuse(id, error);
    }
    raw.sent();
  }

  #refuse(id: number, thrown: unknown): void {
    const wire = toWireError(thrown);
    try {
      this.connection.send(['!', id, wire]);
    } catch {
      // Its details hold what cannot cross.
      this.connection.send(['!', id, { ...wire, details: {} } satisfies WireError]);
    }
  }

  #end(error: MillraceError | null): void {
    this.#closed = true;
    const open = [...this.#pending.keys()];
    for (const id of open) this.#take(id)?.reject(closedError(error));
    this.#handlers.closed?.(error);
  }
}

function closedError(cause: MillraceError | null): MillraceError {
  const why = cause === null ? '' : `: ${cause.message}`;
  return new MillraceError('ERR_CONNECTION_CLOSED', `the connection ended before the answer came${why}`, { cause: cause ?? undefined });
}
