/**
 * How a request is signed by login and key: the words, and nothing else (no clock, no chance).
 *
 *   Authorization: login=…&nonce=…&path=…&host=…&method=…&timestamp=…&body=…:hex(HMAC-SHA-256(key, all before the colon))
 *
 * It is Napix's scheme with one field more, `body`: the SHA-256 of the body in hex. Servers of that scheme read over it, so they take these
 * signatures too. What the fields mean is checked beside it, in the verifier.
 */
import { Buffer } from 'node:buffer';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What a signature is about. */
export interface SignedFields {
  readonly login: string;
  readonly nonce: string;
  /** With its query. */
  readonly path: string;
  readonly host: string;
  readonly method: string;
  /** Seconds since the epoch, as text. */
  readonly timestamp: string;
  /** SHA-256 of the body in hex; absent in the plain scheme. */
  readonly body?: string;
}

const nothing = new Uint8Array(0);
const known: ReadonlySet<string> = new Set(['login', 'nonce', 'path', 'host', 'method', 'timestamp', 'body']);
/** Longest header that is read. */
const longest = 16_384;

/** SHA-256 of a body in hex; of one that is not there that of no bytes. */
export function bodyDigest(body: Uint8Array | null): string {
  return createHash('sha256')
    .update(body ?? nothing)
    .digest('hex');
}

/** HMAC-SHA-256 in hex. */
export function signText(key: string, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex');
}

/** The value of `Authorization`. */
export function signedHeader(key: string, fields: SignedFields): string {
  const { login, nonce, path, host, method, timestamp, body } = fields;
  const words = { login, nonce, path, host, method, timestamp, ...(body === undefined ? {} : { body }) };
  const text = new URLSearchParams(words).toString();
  return `${text}:${signText(key, text)}`;
}

export interface ReadSignature {
  /** What was signed, as it came. */
  readonly text: string;
  readonly mac: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** The parts of a header; null when it is no signature: no colon, no 64 hex digits after it, a field twice, or none. */
export function readSignature(header: string): ReadSignature | null {
  if (header.length > longest) return null;
  const colon = header.lastIndexOf(':');
  const text = header.slice(0, Math.max(0, colon));
  const mac = header.slice(colon + 1);
  if (text === '' || !/^[0-9a-f]{64}$/i.test(mac)) return null;
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name)) return null;
    if (known.has(name)) fields.set(name, value);
  }
  return fields.size === 0 ? null : { text, mac, fields };
}

/** Whether the mac is that of the text; takes as long for a wrong one as for the right one. */
export function isSignedBy(key: string, { text, mac }: ReadSignature): boolean {
  return timingSafeEqual(Buffer.from(signText(key, text), 'hex'), Buffer.from(mac, 'hex'));
}
