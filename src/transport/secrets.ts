/** The only chance in this folder that must not be guessed: nonces of the handshake and keys that nobody chose. */
import { randomBytes } from 'node:crypto';
import { nonceBytes } from '../protocol/handshake.ts';

/** A nonce in hex. */
export function newNonce(): string {
  return randomBytes(nonceBytes).toString('hex');
}

/** A key of 256 random bits as text. */
export function newKey(): string {
  return randomBytes(32).toString('base64url');
}
