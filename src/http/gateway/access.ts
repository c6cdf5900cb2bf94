/**
 * Who may ask. With keys: whoever signs or sends a token. Without, on loopback alone: the processes of the same user, as the kernel tells, under a name of
 * loopback, so that no page of another site can reach it by a name of its own. Judged by the head of a request: of a stranger no body is read.
 */
import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { HttpServerConfig } from '../../config/http-server-options.ts';
import { isSameUser, tellsUsers } from '../../transport/same-user.ts';
import type { SignatureVerifier } from '../signature-verifier.ts';
import { hashToken, TokenVerifier } from '../token-verifier.ts';
import type { Verdict } from '../verdict.ts';
import { Refusal } from './problem.ts';

type Socket = IncomingMessage['socket'];

export interface Admitted {
  /** Null: nobody had to say. */
  readonly login: string | null;
  /** SHA-256 in hex that the body must have; null: none was signed. */
  readonly digest: string | null;
}

export class Access {
  readonly #signatures: SignatureVerifier | null;
  readonly #tokens: TokenVerifier | null;
  readonly #hosts: ReadonlySet<string> | null;
  /** Without keys: connections that were asked about. */
  readonly #judged: WeakMap<Socket, Promise<boolean>> | null;

  /** Errors: ERR_AUTH_REQUIRED. */
  static async open(config: HttpServerConfig, clock: Clock): Promise<Access> {
    const { auth, hosts } = config;
    const keys = Object.fromEntries(auth.flatMap((one) => (one.kind === 'key' ? [[one.login, one.key]] : [])));
    if (Object.keys(keys).length === 0) return new Access(config, null);
    const verifier = await import('../signature-verifier.ts');
    return new Access(config, new verifier.SignatureVerifier(keys, hosts === null ? {} : { hosts }, clock));
  }

  private constructor({ auth, hosts, address }: HttpServerConfig, signatures: SignatureVerifier | null) {
    this.#signatures = signatures;
    const tokens = auth.flatMap((one) => (one.kind === 'token' ? [one] : []));
    this.#tokens =
      tokens.length === 0 ? null : new TokenVerifier(Object.fromEntries(tokens.map(({ token, login }) => [hashToken(token), login])));
    this.#hosts = hosts === null ? null : new Set(hosts);
    const open = auth.length === 0;
    if (open && (!isLoopback(address.host) || !tellsUsers()))
      throw new MillraceError(
        'ERR_AUTH_REQUIRED',
        'http: this machine does not tell whose a connection over loopback is, so everybody on it could run tasks as you: give http.auth',
      );
    this.#judged = open ? new WeakMap() : null;
  }

  /** A `Refusal` for whoever may not come in: 401, 403, 421, 503. */
  async admit(incoming: IncomingMessage): Promise<Admitted> {
    this.checkSite(incoming);
    if (this.#judged !== null) return this.#sameUser(incoming, this.#judged);
    const { method = '', url = '', headers } = incoming;
    const bearer = this.#signatures === null || /^Bearer\b/i.test(headers.authorization ?? '');
    const verdict: Verdict & { readonly body?: string } =
      bearer && this.#tokens !== null
        ? this.#tokens.verify({ headers })
        : (this.#signatures?.verifyHead({ method, path: url, headers }) ?? {
            accepted: false,
            status: 401,
            text: 'You need to sign your request',
          });
    if (verdict.accepted) return { login: verdict.login, digest: verdict.body ?? null };
    throw new Refusal(verdict.status, verdict.text, verdict.status === 401 ? { 'www-authenticate': 'Bearer' } : {});
  }

  /** That the request is for this server by name, and from no page of another site. */
  checkSite({ headers }: IncomingMessage): void {
    const { host = '', origin } = headers;
    const name = host.toLowerCase();
    const known = this.#hosts === null ? this.#judged === null || isLoopback(bareName(name)) : this.#hosts.has(name);
    if (!known) throw new Refusal(421, 'this server does not answer under that name: see http.hosts');
    const site = headers['sec-fetch-site'];
    const foreign = origin !== undefined && origin.toLowerCase().replace(/^https?:\/\//, '') !== name;
    if (foreign || (site !== undefined && site !== 'same-origin' && site !== 'none'))
      throw new Refusal(403, 'requests of pages of other sites are refused');
  }

  async #sameUser({ socket }: IncomingMessage, judged: WeakMap<Socket, Promise<boolean>>): Promise<Admitted> {
    let same = judged.get(socket);
    if (same === undefined) {
      same = isSameUser(socket);
      judged.set(socket, same);
    }
    if (await same) return { login: null, digest: null };
    throw new Refusal(403, 'without http.auth only processes of the user of this server may ask');
  }
}

/** Without its port and brackets. */
function bareName(host: string): string {
  return host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^.+\.localhost$/, 'localhost');
}
