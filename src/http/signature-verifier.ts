/**
 * The server's side of signatures: whether a request is signed by a key that this server knows, is the very one that was signed, body and all,
 * is of now, and has not been here before.
 *
 * The mac is checked first: nothing that a stranger sends is remembered, and an unknown login costs what a wrong key costs and is told
 * the same. A nonce is remembered until the time of its request falls out of the window, from where on the time alone refuses it. What was
 * signed before this verifier was made, by the clock of whoever signed, is refused, since what came then is not remembered.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { parseVerifierOptions } from '../config/http.ts';
import type { SignatureVerifierConfig, SignatureVerifierOptions } from '../config/http-options.ts';
import { newKey } from '../transport/secrets.ts';
import { bodyDigest, isSignedBy, type ReadSignature, readSignature } from './signature.ts';
import { type ReceivedRequest, refused, singleHeader, type Verdict } from './verdict.ts';

/** Keys by login: an object, or a function that looks them up. */
export type KeySource = Readonly<Record<string, string>> | ((login: string) => string | undefined);

const mandatory = ['path', 'host', 'method'] as const;
const bad = (name: string): string => `Bad authorization data ${name} does not match`;
const noncePattern = /^[\x21-\x7e]{16,256}$/;
const plainNoncePattern = /^[\x21-\x7e]{1,256}$/;

export class SignatureVerifier {
  readonly #keyOf: (login: string) => string | undefined;
  readonly #config: SignatureVerifierConfig;
  readonly #clock: Clock;
  readonly #startedAt: number;
  /** Login → its nonces → ms at which one may be forgotten, in about the order in which that is so. Of one's own: who floods it shuts out himself alone. */
  readonly #seen = new Map<string, Map<string, number>>();
  /** In place of the key of a login that there is not. */
  readonly #nobody = newKey();

  /** @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION */
  constructor(keys: KeySource, options?: SignatureVerifierOptions, clock: Clock = systemClock) {
    if (typeof keys !== 'function' && (typeof keys !== 'object' || keys === null))
      throw new MillraceError('ERR_OPTION', 'keys must be an object of keys by login, or a function from a login to its key');
    this.#keyOf = typeof keys === 'function' ? keys : (login) => (Object.hasOwn(keys, login) ? keys[login] : undefined);
    this.#config = parseVerifierOptions(options);
    this.#clock = clock;
    this.#startedAt = clock.wall();
  }

  /** How many requests are remembered now. */
  get remembered(): number {
    return [...this.#seen.values()].reduce((sum, { size }) => sum + size, 0);
  }

  verify(request: ReceivedRequest): Verdict {
    const read = this.#read(request);
    if ('accepted' in read) return read;
    const wrong = this.#mismatch(request, read) ?? this.#wrongBody(read, bodyDigest(request.body));
    return wrong === null ? this.#first(read) : refused(403, wrong);
  }

  /**
   * As `verify`, before the body has been read, whose SHA-256 in hex must then be `body` (absent: the signature leaves it open): whoever holds no key makes nobody read it.
   * The nonce is used up by that.
   */
  verifyHead(request: Omit<ReceivedRequest, 'body'>): Verdict & { readonly body?: string } {
    const read = this.#read(request);
    if ('accepted' in read) return read;
    const body = read.fields.get('body');
    const wrong = this.#mismatch(request, read) ?? this.#wrongBody(read, body);
    const verdict = wrong === null ? this.#first(read) : refused(403, wrong);
    return verdict.accepted && body !== undefined ? { ...verdict, body } : verdict;
  }

  /** The signature, if it is one that a known key made. */
  #read(request: Omit<ReceivedRequest, 'body'>): ReadSignature | Extract<Verdict, { accepted: false }> {
    const header = singleHeader(request, 'authorization');
    if (header === undefined || header === '') return refused(401, 'You need to sign your request');
    const signature = readSignature(header);
    if (signature === null) return refused(401, 'You need to sign your request: this is no signature');
    const missing = mandatory.filter((name) => !signature.fields.has(name));
    if (missing.length > 0) return refused(403, `Missing authentication data: ${missing.join(', ')}`);
    const login = signature.fields.get('login') ?? '';
    const key = this.#keyOf(login);
    const signed = isSignedBy(key ?? this.#nobody, signature);
    return key === undefined || key === '' || !signed ? refused(403, 'Access Denied') : signature;
  }

  /** What of the request is not what was signed; null: nothing. */
  #mismatch(request: Omit<ReceivedRequest, 'body'>, { fields }: ReadSignature): string | null {
    const host = fields.get('host')?.toLowerCase();
    if (fields.get('method') !== request.method) return bad('method');
    if (fields.get('path') !== request.path) return bad('path');
    if (host !== singleHeader(request, 'host')?.toLowerCase()) return bad('host');
    if (host === undefined || this.#config.hosts?.includes(host) === false) return bad('host');
    return null;
  }

  #wrongBody({ fields }: ReadSignature, digest: string | undefined): string | null {
    const body = fields.get('body');
    return (body === undefined ? this.#config.plain : body === digest) ? null : bad('body');
  }

  /** Of now, and not here before. */
  #first({ fields }: ReadSignature): Verdict {
    const login = fields.get('login') ?? '';
    const { window, plain, remembered } = this.#config;
    const now = this.#clock.wall();
    const text = fields.get('timestamp') ?? '';
    const at = /^\d{1,12}(?:\.\d{1,9})?$/.test(text) ? Number(text) * 1_000 : Number.NaN;
    if (Number.isNaN(at)) return refused(403, 'Bad authorization data timestamp is missing or no time');
    const off = Math.abs(now - at);
    if (off > window)
      return refused(
        403,
        `Bad authorization data timestamp is ${Math.round(off / 1_000)} s from the clock of this server: set the clocks right`,
      );
    if (Math.ceil(at) < Math.floor(this.#startedAt))
      return refused(403, 'Bad authorization data timestamp is before the start of this server: sign it again');
    const nonce = fields.get('nonce') ?? '';
    if (!(plain ? plainNoncePattern : noncePattern).test(nonce))
      return refused(403, 'Bad authorization data nonce is missing or too short');
    const seen = this.#seenOf(login);
    forget(seen, now);
    if (seen.has(nonce)) return refused(403, 'Bad authorization data nonce was used before');
    if (seen.size >= remembered) return refused(503, 'Too many requests at this time');
    seen.set(nonce, at + window);
    return { accepted: true, login };
  }

  /** Only a login that has a key comes here. */
  #seenOf(login: string): Map<string, number> {
    let seen = this.#seen.get(login);
    if (seen === undefined) {
      seen = new Map();
      this.#seen.set(login, seen);
    }
    return seen;
  }
}

/** The oldest that are out of the window. One that came with a clock ahead waits at most two windows before those after it. */
function forget(seen: Map<string, number>, now: number): void {
  for (const [nonce, until] of seen) {
    if (until >= now) return;
    seen.delete(nonce);
  }
}
