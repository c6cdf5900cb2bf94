/** Names that must differ between processes: ids of components, and the name of this machine. */
import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { v7 } from 'uuid';

/** A UUID v7: unique everywhere, and ascending within this thread. */
export function newId(): string {
  return v7();
}

/** An id that only who holds its token can use: its random bits are taken from the token's SHA-256, so nothing needs to be kept to check it. */
export interface OwnedId {
  readonly id: string;
  /** 256 random bits as text. */
  readonly token: string;
}

/** A UUID v7 with its token. */
export function newOwnedId(): OwnedId {
  const token = randomBytes(32).toString('base64url');
  return { id: v7({ random: digestOf(token) }), token };
}

/** Whether the id was made with this token. 74 bits of the digest stand in it. */
export function isOwnedBy(id: string, token: string): boolean {
  const msecs = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  return Number.isSafeInteger(msecs) && v7({ random: digestOf(token), msecs }) === id;
}

function digestOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest().subarray(0, 16);
}

/** The name of this machine, as it stands in results. */
export function hostName(): string {
  return hostname();
}
