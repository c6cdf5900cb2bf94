/** The body of a request: read within limits of size and silence, never decompressed. */
import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { reasonOf } from '../../base/errors.ts';
import { bodyDigest } from '../signature.ts';
import { Refusal } from './problem.ts';

/** How long a body may be silent before its request is given up (ms). */
const longestSilence = 30_000;

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
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunksOf(incoming, clock)) {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks, size);
  if (digest !== null && bodyDigest(body) !== digest) throw new Refusal(403, 'Bad authorization data body does not match');
  return body;
}

/** Its lines as they come; a signed one is read whole before. */
export async function streamBody(incoming: IncomingMessage, rules: BodyRules): Promise<Readable> {
  if (rules.digest !== null) return Readable.from([await readBody(incoming, rules)], { objectMode: false });
  // Less than a chunk of the socket is kept besides: whoever reads slowly holds the sender back.
  return Readable.from(chunksOf(incoming, rules.clock), { objectMode: false, highWaterMark: 16_384 });
}

async function* chunksOf(incoming: IncomingMessage, clock: Clock): AsyncGenerator<Buffer, void, undefined> {
  const encoding = incoming.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw new Refusal(415, `the body is encoded as ${encoding.slice(0, 100)}: send it as it is`);
  // Not destroyed when the reader leaves early: the answer goes over the same socket.
  const chunks = incoming.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = await inTime(chunks.next() as Promise<IteratorResult<Buffer>>, clock);
    if (next.done === true) return;
    yield next.value;
  }
}

async function inTime<T>(promise: Promise<T>, clock: Clock): Promise<T> {
  let cancel = (): void => {};
  const silent = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(longestSilence, () => reject(new Refusal(408, `nothing of the body came for ${longestSilence / 1_000} s`)));
  });
  try {
    return await Promise.race([promise, silent]);
  } catch (thrown) {
    throw thrown instanceof Refusal ? thrown : new Refusal(400, `the body did not come whole: ${reasonOf(thrown)}`);
  } finally {
    cancel();
  }
}
