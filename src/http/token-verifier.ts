/** The server's side of tokens: only their SHA-256 is kept, so whoever reads the store cannot use it. */
import { createHash } from 'node:crypto';
import { MillraceError } from '../base/errors.ts';
import { type ReceivedRequest, refused, singleHeader, type Verdict } from './verdict.ts';

/** SHA-256 in hex: what is kept of a token. Tokens are long and random, so they need no slow hash. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

const shortest = 16;

export class TokenVerifier {
  /** Looked up by hash: the time that takes tells nothing of the token. */
  readonly #logins = new Map<string, string>();

  /** @param hashes `hashToken(token)` → whose it is. @throws ERR_OPTION */
  constructor(hashes: Readonly<Record<string, string>> = {}) {
    for (const [hash, login] of Object.entries(hashes)) {
      if (!/^[0-9a-f]{64}$/.test(hash))
        throw new MillraceError('ERR_OPTION', 'tokens are given as hashToken(token), 64 hex digits, never as they are');
      this.#logins.set(hash, login);
    }
  }

  /** Takes a token in, of which only the hash stays. @throws ERR_AUTH_WEAK, ERR_OPTION */
  add(token: string, login: string): void {
    if (typeof token !== 'string') throw new MillraceError('ERR_OPTION', `the token must be a text, not ${typeof token}`);
    if (token.length < shortest)
      throw new MillraceError(
        'ERR_AUTH_WEAK',
        `the token must have at least ${shortest} characters; it has ${token.length}. Make one with \`openssl rand -hex 20\``,
      );
    this.#logins.set(hashToken(token), login);
  }

  /** Takes back all tokens of a login; how many. */
  revoke(login: string): number {
    const gone = [...this.#logins].filter(([, owner]) => owner === login);
    for (const [hash] of gone) this.#logins.delete(hash);
    return gone.length;
  }

  verify(request: Pick<ReceivedRequest, 'headers'>): Verdict {
    const header = singleHeader(request, 'authorization');
    if (header === undefined || header === '') return refused(401, 'You need to send a token');
    const token = /^Bearer +(\S{1,4096})$/i.exec(header)?.[1];
    if (token === undefined) return refused(401, 'You need to send a token: this is none');
    const login = this.#logins.get(hashToken(token));
    return login === undefined ? refused(403, 'Access Denied') : { accepted: true, login };
  }
}
