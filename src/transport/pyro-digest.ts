/** What the wire of Pyro takes of cryptography and compression: the digest of a message under the key of both sides, and bytes that claim to be smaller than they are. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { inflateSync } from 'node:zlib';

/** HMAC-SHA-1, as Pyro4 has it. */
export interface PyroSeal {
  digest(parts: readonly Uint8Array[]): Uint8Array;
  /** In constant time. */
  matches(given: Uint8Array, parts: readonly Uint8Array[]): boolean;
}

/** Null: no key. */
export function pyroSeal(key: string | null): PyroSeal | null {
  if (key === null) return null;
  const bytes = new TextEncoder().encode(key);
  const digest = (parts: readonly Uint8Array[]): Buffer => {
    const hmac = createHmac('sha1', bytes);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  };
  return {
    digest,
    matches: (given, parts) => {
      const own = digest(parts);
      return given.length === own.length && timingSafeEqual(given, own);
    },
  };
}

/** Of zlib; more than `limit` bytes throw. */
export function inflateWithin(bytes: Uint8Array, limit: number): Buffer {
  return inflateSync(bytes, { maxOutputLength: limit });
}
