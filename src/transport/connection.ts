/**
 * The port that every role speaks to: an authenticated, ordered stream of messages to one peer.
 *
 * Carriers: net-ipc (TCP, TLS, unix socket), message-port (host to its own worker), memory (tests). All pass
 * one contract suite. A message is a plain tagged tuple (`protocol/PROTOCOL.md`). Messages sent in one tick leave
 * as one frame, at `nextTick` at the latest. Nothing is delivered before `start`, and nothing after `closed` was called.
 */
import type { MillraceError } from '../base/errors.ts';
import type { Message, PeerInfo } from '../protocol/messages.ts';

export interface ConnectionHandlers {
  message(message: Message): void;
  /** Called once, last. `error` is null when either side closed in good order. */
  closed(error: MillraceError | null): void;
  /** The backlog fell below the low-water mark after `send` had returned false. */
  drained?(): void;
}

/** The certificate that a peer has shown and TLS has verified. */
export interface PeerCertificate {
  /** Its common name; empty: it has none. */
  readonly name: string;
  /** SHA-256, 64 hex digits. */
  readonly fingerprint: string;
}

export interface Connection {
  /** Chosen by this side; unique in the process. */
  readonly id: string;
  /** What the peer said of itself in the (authenticated) handshake. */
  readonly peer: PeerInfo;
  /** What TLS verified of the peer; absent or null: it was not asked for a certificate. */
  readonly certificate?: PeerCertificate | null;
  /** `performance.now()` of the last bytes received, heartbeats included. */
  readonly lastReceived: number;
  /** `performance.now()` of the last bytes sent; absent where a carrier does not know. While this side pauses, `lastReceived` is now. */
  readonly lastSent?: number;
  /** Bytes (estimated for in-process carriers) that were sent but not yet taken by the other side. */
  readonly backlog: number;
  /** Begin to deliver. Called once. */
  start(handlers: ConnectionHandlers): void;
  /**
   * Queue a message. False: the backlog is above the high-water mark, wait for `drained`. After close it is dropped (false).
   * Throws ERR_NOT_CLONEABLE or ERR_FRAME_TOO_LARGE for this one message; the connection goes on.
   */
  send(message: Message): boolean;
  /** What was sent leaves now, and not at the end of the tick: for a message that nothing else will follow. Absent: a carrier that gains nothing by it. */
  flush?(): void;
  /**
   * Answer a request with bytes that leave from where they lie: nobody may change them before `sent` is called, which happens once, also when they never
   * leave. Otherwise as `send`; when it throws, `sent` is not called. Absent: this carrier copies.
   */
  sendBytes?(id: number, bytes: Uint8Array, sent: () => void): boolean;
  /** The answer `id`, when it comes as bytes like that and fits, is to be written into `place`. null: no more, also when it has begun. */
  receiveInto?(id: number, place: Uint8Array | null): void;
  /** Stop and go on reading from the peer: the sender is stalled, nothing is lost. */
  pause(): void;
  resume(): void;
  /** Deliver what is queued, then close; bounded by one second. */
  close(): void;
  /** Close at once; what is queued is dropped. `closed` gets the error, without one ERR_CONNECTION_CLOSED. */
  destroy(error?: MillraceError): void;
}

export interface Listener {
  /** The bound address. */
  readonly address: { host: string; port: number } | { path: string };
  /** Stop accepting and take the address back; open connections live on. */
  close(): Promise<void>;
}
