/** Requests to one other server. */
import { parseHttpClientOptions } from '../config/http.ts';
import type { HttpClientOptions, HttpRequestOptions } from '../config/http-options.ts';
import { type Authenticator, authenticatorFrom, type LoginKey } from './authenticators.ts';
import { Caller } from './caller.ts';
import { type Host, parseOrigin } from './origin.ts';
import type { Response } from './response.ts';

/** Keeps its connections for the next request; they do not keep the process up. (Source: Napix, `client.Client`.) */
export class Client {
  readonly #caller: Caller;

  /**
   * @param host A bare name means HTTPS, a bare loopback name HTTP; an origin such as `http://server.example:8080` says it itself.
   * @param authenticator `{ login, key }` signs each request; a `TokenIdentifier`; a function that gives header fields; null: none.
   * @throws ERR_ADDRESS, ERR_OPTION, ERR_UNKNOWN_OPTION, ERR_DURATION, ERR_SIZE, ERR_TLS
   */
  constructor(host: Host, authenticator: Authenticator | LoginKey | null, options?: HttpClientOptions) {
    this.#caller = new Caller(parseOrigin(host), authenticatorFrom(authenticator), parseHttpClientOptions(options));
  }

  /** The server's name, with its port where that is not the scheme's own. */
  get host(): string {
    return this.#caller.origin.host;
  }

  /** `https://server.example` */
  get origin(): string {
    return this.#caller.origin.url;
  }

  /**
   * Resolves with an answer of a status below 400. Rejects with an `HTTPError` for any other and when none came, with ERR_OPTION, ERR_UNKNOWN_OPTION,
   * ERR_DURATION or ERR_ENDED before anything is sent.
   */
  async request<Body = unknown>(method: string, path: string, options?: HttpRequestOptions): Promise<Response<Body>> {
    return (await this.#caller.send(this.#caller.check(method, path, options))) as Response<Body>;
  }

  /** Waits for the requests under way; takes no more. */
  close(): Promise<void> {
    return this.#caller.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
