/** What listening and dialling have in common: the options of both, and the rules of keys. */
import { formatAddress, isLoopback, type ParsedAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { Limits } from '../protocol/limits.ts';
import type { PeerInfo } from '../protocol/messages.ts';
import type { TlsChoice, TlsParts } from './certificate.ts';

/** A key is at least this many characters. */
const shortestKey = 12;

export interface EndpointOptions {
  /** The key that both sides hold, at least 12 characters. Default: a random one, found through the key folder; on one machine only. */
  readonly auth?: string | null;
  /** Default: none. Not for unix sockets. */
  readonly tls?: TlsChoice;
  /** What this side says of itself. */
  readonly self: PeerInfo;
  readonly limits?: Partial<Limits>;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: `defaultKeyFolder()`. */
  readonly keyFolder?: string;
}

/** Throws `ERR_AUTH_WEAK`. */
export function checkKey(auth: string): string {
  if (auth.length >= shortestKey) return auth;
  throw new MillraceError('ERR_AUTH_WEAK', `auth has ${auth.length} characters; give at least ${shortestKey}, best a random text`);
}

/** Throws `ERR_AUTH_REQUIRED` where others could come in without a key. */
export function checkReach(address: ParsedAddress, auth: string | null): void {
  if (auth !== null || 'path' in address || isLoopback(address.host)) return;
  throw new MillraceError(
    'ERR_AUTH_REQUIRED',
    `listening on ${formatAddress(address)}, beyond loopback, needs an \`auth\` of at least ${shortestKey} characters: whoever connects can run commands`,
  );
}

/** Throws `ERR_TLS` where TLS has no use. */
export function checkTlsFits(address: ParsedAddress, parts: TlsParts | null): void {
  if (parts === null || !('path' in address)) return;
  throw new MillraceError(
    'ERR_TLS',
    `tls is for TCP addresses; ${address.path} is a unix socket and never leaves the machine: leave tls out`,
  );
}
