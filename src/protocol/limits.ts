/**
 * Every bound that protects one side from the other, in one place, with its default.
 *
 * Sizes are bytes, times milliseconds. Crossing a limit costs the peer its connection and nobody else anything.
 */

export interface Limits {
  /** Largest frame after authentication. Default 16 MiB. */
  readonly frame: number;
  /** Largest frame before it. Default 64 KiB. */
  readonly handshakeFrame: number;
  /** A frame of packed messages is cut at the first message that reaches this. Default 256 KiB. */
  readonly cut: number;
  /** Deepest nesting of arrays and maps in a frame. Default 64. */
  readonly depth: number;
  /** Most values in a frame: one byte on the wire can become 8 in memory. Default 4,194,304. */
  readonly items: number;
  /** Most arrays and maps in a frame: one byte on the wire can become 56 in memory. Default 1,048,576. */
  readonly containers: number;
  /** From accept to the end of the handshake, TLS included. Default 5 s. */
  readonly handshakeTimeout: number;
  /** A connection that is silent for so long is ended; 0 = never (the roles watch heartbeats themselves). Default 0. */
  readonly idleTimeout: number;
  /** `send` returns false while more than this is queued. Default 1 MiB. */
  readonly highWater: number;
  /** `drained` is called when the queue falls to this. Default 256 KiB. */
  readonly lowWater: number;
  /** More than this queued ends the connection with `ERR_SLOW_PEER`. Default 64 MiB. */
  readonly queued: number;
  /** The same when something is queued and for so long nothing went out and nothing came in. Default 60 s. */
  readonly stallTimeout: number;
  /** `close()` delivers what is queued for at most so long. Default 1 s. */
  readonly closeTimeout: number;
  /** Connections that have not proved themselves yet, in all; the oldest of the address with most of them goes first. Default 1,024. */
  readonly unauthenticated: number;
  /** The same of one address (IPv4, or the /64 network of IPv6), whose oldest goes first. Default 1,024. */
  readonly unauthenticatedPerAddress: number;
  /** Connections that have proved themselves, in all; one more is cut off. Default 16,384. */
  readonly connections: number;
  /** The same of one address. Default 8,192. */
  readonly connectionsPerAddress: number;
  /** Handshakes of one address that may fail before its further ones are slowed. Default 100. */
  readonly failures: number;
  /** Then one attempt is judged in this time, which doubles with each further failure. Default 25 ms. */
  readonly firstPace: number;
  /** It grows no longer than this: a key can be guessed at so seldom, and who holds it waits so long. Default 250 ms. */
  readonly slowestPace: number;
  /** Addresses of which failures are remembered; the oldest is forgotten first. Default 4,096. */
  readonly remembered: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

export const defaultLimits: Limits = {
  frame: 16 * MiB,
  handshakeFrame: 64 * KiB,
  cut: 256 * KiB,
  depth: 64,
  items: 4 * MiB,
  containers: MiB,
  handshakeTimeout: 5_000,
  idleTimeout: 0,
  highWater: MiB,
  lowWater: 256 * KiB,
  queued: 64 * MiB,
  stallTimeout: 60_000,
  closeTimeout: 1_000,
  unauthenticated: 1_024,
  unauthenticatedPerAddress: 1_024,
  connections: 16_384,
  connectionsPerAddress: 8_192,
  failures: 100,
  firstPace: 25,
  slowestPace: 250,
  remembered: 4_096,
};

/** The defaults with some of them replaced. */
export function limitsWith(changes: Partial<Limits> = {}): Limits {
  return { ...defaultLimits, ...changes };
}
