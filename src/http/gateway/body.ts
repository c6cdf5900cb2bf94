/** The body of a request: read within limits of size and silence, never decompressed. */
import { Buffer, isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { reasonOf } from '../../base/errors.ts';
import { bodyDigest } from '../signature.ts';
import type { Chunks } from './backend.ts';
import { Refusal } from './problem.ts';

/** How long a body may be silent before its request is given up (ms). */
const longestSilence = 30_000;

/** What came is handed on in pieces of at most so much: a longer one would, as text, be a large object, which V8 frees only when it marks the whole heap. */
const longestPiece = 64 * 1024;

export interface BodyRules {
  readonly limit: number;
  /** SHA-256 in hex that it must have; null: none was signed. */
  readonly digest: string | null;
  readonly clock: Clock;
}

/** All of it. Throws a `Refusal`: 400, 403, 408, 413, 415. */
export async function readBody(incoming: IncomingMessage, { limit, digest, clock }: BodyRules): Promise<Buffer> {
  const tooLarge = (): Refusal =>
    new Refusal(
      413,
      `the body is longer than ${limit} bytes${digest === null ? '' : ': a signed one is held in memory; a token can stream'}`,
    );
  if (Number(incoming.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const reader = new BodyReader(incoming, clock);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for (let chunk = await reader.read(); chunk !== null; chunk = await reader.read()) {
      size += chunk.length;
      if (size > limit) throw tooLarge();
      chunks.push(chunk);
    }
  } finally {
    await reader.close();
  }
  const body = Buffer.concat(chunks, size);
  if (digest !== null && bodyDigest(body) !== digest) throw new Refusal(403, 'Bad authorization data body does not match');
  return body;
}

/** Its bytes as they come; a signed one is read whole before. Bytes that are no UTF-8 end it with a `Refusal`. */
export async function streamBody(incoming: IncomingMessage, rules: BodyRules): Promise<Chunks> {
  return new Utf8Chunks(rules.digest === null ? new BodyReader(incoming, rules.clock) : chunksOf(await readBody(incoming, rules)));
}

const noUtf8 = (): Refusal => new Refusal(400, 'the body is no UTF-8: what is not would be read as something else');

/** The text of a body. Throws a `Refusal`: 400. */
export function utf8Of(body: Buffer): string {
  if (!isUtf8(body)) throw noUtf8();
  return body.toString('utf8');
}

/** Looks at bytes on their way; a character may be split over two chunks. */
class Utf8Chunks implements Chunks {
  readonly #chunks: Chunks;
  /** The start of a character whose end has not come. */
  #start: Uint8Array = Buffer.alloc(0);

  constructor(chunks: Chunks) {
    this.#chunks = chunks;
  }

  async read(): Promise<Uint8Array | string | null> {
    const chunk = await this.#chunks.read();
    if (typeof chunk === 'string') return chunk;
    const bytes = this.#start.length === 0 ? (chunk ?? this.#start) : Buffer.concat([this.#start, chunk ?? Buffer.alloc(0)]);
    const whole = chunk === null ? bytes.length : bytes.length - openEnd(bytes);
    if (!isUtf8(bytes.subarray(0, whole))) throw noUtf8();
    this.#start = bytes.subarray(whole);
    return chunk;
  }

  close(): Promise<void> {
    return this.#chunks.close();
  }
}

/** How many bytes at the end begin a character that is not whole. */
function openEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    // What follows a first byte begins with the bits 10.
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

/** What is at hand, as chunks. */
export function chunksOf(...list: readonly (Uint8Array | string)[]): Chunks {
  const chunks = list.values();
  return {
    read: async () => chunks.next().value ?? null,
    close: async () => {},
  };
}

/**
 * Pulls what came, so that a sender is held back by whoever reads slowly. No stream or generator in between and one timer for all of it: with them a million lines
 * took some 20 MB more.
 */
class BodyReader implements Chunks {
  readonly #incoming: IncomingMessage;
  readonly #clock: Clock;
  #wake: (() => void) | null = null;
  /** What came and was not handed on yet. */
  #rest: Buffer | null = null;
  /** When the wait for the next bytes began. */
  #since = 0;
  #late = false;
  #closed = false;
  #stopTimer: (() => void) | null = null;

  constructor(incoming: IncomingMessage, clock: Clock) {
    this.#incoming = incoming;
    this.#clock = clock;
    const encoding = incoming.headers['content-encoding'] ?? 'identity';
    if (encoding.toLowerCase() !== 'identity') throw new Refusal(415, `the body is encoded as ${encoding.slice(0, 100)}: send it as it is`);
    for (const event of ['readable', 'end', 'error', 'close']) incoming.on(event, this.#told);
  }

  async read(): Promise<Buffer | null> {
    for (;;) {
      if (this.#closed) return null;
      const chunk = this.#rest ?? (this.#incoming.read() as Buffer | null);
      if (chunk !== null) {
        this.#rest = chunk.length > longestPiece ? chunk.subarray(longestPiece) : null;
        return this.#rest === null ? chunk : chunk.subarray(0, longestPiece);
      }
      if (this.#incoming.readableEnded) return null;
      if (this.#late) throw new Refusal(408, `nothing of the body came for ${longestSilence / 1_000} s`);
      const { errored, destroyed } = this.#incoming;
      if (destroyed)
        throw new Refusal(400, `the body did not come whole: ${errored === null ? 'the connection ended' : reasonOf(errored)}`);
      this.#since = this.#clock.now();
      if (this.#stopTimer === null) this.#watch(longestSilence);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer?.();
    for (const event of ['readable', 'end', 'error', 'close']) this.#incoming.off(event, this.#told);
    // What is left is looked at by whoever answers; an error of it is nobody's any more.
    this.#incoming.on('error', () => {});
    this.#told();
  }

  readonly #told = (): void => {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  };

  #watch(ms: number): void {
    this.#stopTimer = this.#clock.after(
      ms,
      () => {
        const silent = this.#wake === null ? 0 : this.#clock.now() - this.#since;
        if (silent < longestSilence - 1) return this.#watch(longestSilence - silent);
        this.#late = true;
        return this.#told();
      },
      { unref: true },
    );
  }
}
