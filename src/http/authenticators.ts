/** Who a request says it is from: a signature by login and key, a token, or any function that gives header fields. */
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { newNonce } from '../transport/secrets.ts';
import { bodyDigest, signedHeader } from './signature.ts';

/** What an authenticator gets to see of a request. */
export interface AuthenticationRequest {
  readonly method: string;
  /** As in `Host`. */
  readonly host: string;
  /** With its query, as it is sent. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: there is none, or it is `streamed`. */
  readonly body: Uint8Array | null;
  /** The body comes in pieces that nobody has seen yet. */
  readonly streamed: boolean;
}

/** Header fields to set. */
export type AuthenticationHeaders = Readonly<Record<string, string>> | null | undefined;

/** Called for each try of each request; it may wait. */
export type AuthenticatorFunction = (request: AuthenticationRequest) => AuthenticationHeaders | Promise<AuthenticationHeaders>;

/** A function, or an object that has one, such as `TokenIdentifier`. */
export type Authenticator = AuthenticatorFunction | { authenticate: AuthenticatorFunction };

/** Login and key, which never leave this process: requests are signed. */
export interface LoginKey {
  readonly login: string;
  readonly key: string;
}

/** Shows a token that the server has given out: `Authorization: Bearer …`. Whoever reads it can use it, so take it over HTTPS. (Source: Napix; the header is ours.) */
export class TokenIdentifier {
  readonly #token: string;

  /** @throws ERR_OPTION */
  constructor(token: string) {
    if (typeof token !== 'string' || !/^[\w.~+/-]+=*$/.test(token))
      throw new MillraceError('ERR_OPTION', 'the token must be a text of letters, digits and - . _ ~ + /, as the server has given it out');
    this.#token = token;
  }

  authenticate(_request: AuthenticationRequest): AuthenticationHeaders {
    return { authorization: `Bearer ${this.#token}` };
  }
}

/** Signs each request by login and key, its body, a nonce and the time with it. (Source: Napix, `LoginAuthenticator`.) */
export class LoginAuthenticator {
  readonly login: string;
  readonly #key: string;
  readonly #clock: Clock;

  constructor({ login, key }: LoginKey, clock: Clock = systemClock) {
    this.login = login;
    this.#key = key;
    this.#clock = clock;
  }

  authenticate({ method, host, path, body, streamed }: AuthenticationRequest): AuthenticationHeaders {
    if (streamed)
      throw new MillraceError(
        'ERR_OPTION',
        'a body that comes in pieces cannot be signed: give all of it as bytes, or show a token instead of a key',
      );
    const timestamp = (this.#clock.wall() / 1_000).toFixed(3);
    const fields = { login: this.login, nonce: newNonce(), path, host, method, timestamp, body: bodyDigest(body) };
    return { authorization: signedHeader(this.#key, fields) };
  }
}

const expected = 'the authenticator must be { login, key } with two texts, a TokenIdentifier, a function of the request, or null';

/** What a client was given, as one function. No value of it stands in a message. @throws ERR_OPTION, ERR_UNKNOWN_OPTION */
export function authenticatorFrom(given: Authenticator | LoginKey | null): AuthenticatorFunction {
  if (given === null) return () => undefined;
  if (typeof given === 'function') return given;
  if (typeof given !== 'object')
    throw new MillraceError('ERR_OPTION', `${expected}; it is ${given === undefined ? 'not given' : `a ${typeof given}`}`);
  if ('authenticate' in given) {
    if (typeof given.authenticate !== 'function') throw new MillraceError('ERR_OPTION', expected);
    return (request) => given.authenticate(request);
  }
  for (const name of Object.keys(given))
    if (name !== 'login' && name !== 'key')
      throw new MillraceError(
        'ERR_UNKNOWN_OPTION',
        `the authenticator has no option '${name.slice(0, 200)}'.${didYouMean(name, ['login', 'key'])}`,
        {
          details: { option: name },
        },
      );
  const { login, key } = given;
  if (typeof login !== 'string' || login === '' || typeof key !== 'string' || key === '') throw new MillraceError('ERR_OPTION', expected);
  const signer = new LoginAuthenticator({ login, key });
  return (request) => signer.authenticate(request);
}
