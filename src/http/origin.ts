/**
 * The boundary between hosts as people write them and the origin that is dialled and compared with.
 *
 * A URL says its scheme itself; a bare host means HTTPS, a bare host of this machine HTTP. Nothing is resolved here.
 */
import { formatAddress, isLoopback, parseAddress } from '../base/address.ts';
import { MillraceError } from '../base/errors.ts';

export interface Origin {
  /** `https://server.example:8443` */
  readonly url: string;
  /** As it stands in `Host`: without the scheme's own port. */
  readonly host: string;
  /** Without port and brackets: what a certificate must name. */
  readonly hostname: string;
  readonly secure: boolean;
}

/** What names a server: `'server.example'`, `'server.example:8443'`, `'http://server.example'`, `['host', port]` or `{ host, port }`. */
export type Host = string | URL | readonly [host: string, port: number] | { readonly host: string; readonly port: number };

/** @throws ERR_ADDRESS */
export function parseOrigin(host: Host): Origin {
  const text = typeof host === 'string' ? host.trim() : host instanceof URL ? host.href : written(host);
  const bare = !/^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  // `http` for the look at the name alone: the scheme follows from it.
  const url = read(bare ? `http://${text}` : text);
  if (url === null || text === '' || /[\s\\]/.test(text)) throw refused(host);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused(host);
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || /[?#@]/.test(text)) throw refused(host);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (hostname === '' || url.port === '0') throw refused(host);
  const chosen = bare && !isLoopback(hostname) ? read(`https://${text}`) : url;
  if (chosen === null) throw refused(host);
  return { url: chosen.origin, host: chosen.host, hostname, secure: chosen.protocol === 'https:' };
}

function written(host: Exclude<Host, string | URL>): string {
  const parsed = parseAddress(host, 'host');
  if ('path' in parsed) throw refused(host);
  return formatAddress(parsed);
}

function read(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function refused(host: unknown): MillraceError {
  // A URL with user and password in it is refused here: it is not repeated.
  const given = typeof host === 'string' && !host.includes('@') ? `; it is ${JSON.stringify(host.slice(0, 200))}` : '';
  return new MillraceError(
    'ERR_ADDRESS',
    `host must be a name such as 'server.example' or 'localhost:8080' (HTTPS, on this machine HTTP), an origin such as 'http://server.example:8080' without path and user, ['host', port] or { host, port }${given}`,
    { details: { name: 'host' } },
  );
}
