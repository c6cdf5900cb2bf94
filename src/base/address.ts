/**
 * The boundary between addresses as people write them and the one form that listens and dials.
 *
 * Text only: nothing is resolved here. What is ambiguous (an IPv6 host without brackets, a text without a port) throws and
 * says how to write it.
 */
import { MillraceError } from './errors.ts';

/** `['host', port]`, `'host:port'` (IPv6 in brackets), `{ host, port }`, or `{ path }` for a unix socket. */
export type Address =
  | readonly [host: string, port: number]
  | `${string}:${number}`
  // The form above ends its host at the first colon.
  | `[${string}]:${number}`
  | { host: string; port: number }
  | { path: string };

/** One address, or several that lead to the same queue: one is picked by chance, and the others are tried when it does not answer. */
export type Addresses = Address | readonly Address[];

/** An address in its one form. Port 0: any free port, for a listener only. */
export type ParsedAddress = { readonly host: string; readonly port: number } | { readonly path: string };

// The field `sun_path` of Linux holds 108 bytes with its final NUL.
const longestPath = 107;

const hostPattern = /^[^\s/\\:[\]@?#]+$/;
const ipv6Pattern = /^[0-9a-f:.]*:[0-9a-f:.]*(?:%[\w.-]+)?$/i;
const ipv4Loopback = /^(?:::ffff:)?127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/i;

/**
 * @param name What the message calls it, for instance `address`.
 * @throws ERR_ADDRESS
 */
export function parseAddress(address: unknown, name = 'address'): ParsedAddress {
  if (typeof address === 'string') {
    const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address.trim());
    if (match === null) throw refused(address, name);
    return network(match[1] ?? match[2], Number(match[3]), address, name);
  }
  if (Array.isArray(address) && address.length === 2) return network(address[0], address[1], address, name);
  if (typeof address === 'object' && address !== null && !Array.isArray(address)) {
    const { host, port, path } = address as { host?: unknown; port?: unknown; path?: unknown };
    if (path === undefined) return network(host, port, address, name);
    if (host === undefined && port === undefined) return { path: socketPath(path, name) };
  }
  throw refused(address, name);
}

/** Whether only this machine can reach a listener on this host: `localhost`, 127.0.0.0/8, `::1`. Other names are not resolved: false. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase();
  return bare === 'localhost' || bare === '::1' || bare === '0:0:0:0:0:0:0:1' || ipv4Loopback.test(bare);
}

/** As people write it: `host:port`, `[::1]:port` or the socket's path. */
export function formatAddress(address: ParsedAddress): string {
  if ('path' in address) return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function network(host: unknown, port: unknown, address: unknown, name: string): ParsedAddress {
  if (typeof host !== 'string' || typeof port !== 'number') throw refused(address, name);
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (!hostPattern.test(bare) && !ipv6Pattern.test(bare)) throw refused(address, name);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw refused(address, name);
  return { host: bare, port };
}

function socketPath(path: unknown, name: string): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw refused({ path }, name);
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > longestPath) {
    throw new MillraceError(
      'ERR_ADDRESS',
      `${name}: the path of a unix socket has at most ${longestPath} bytes; this one has ${bytes}: use a shorter folder`,
      { details: { name } },
    );
  }
  return path;
}

function refused(address: unknown, name: string): MillraceError {
  let given: string | undefined;
  try {
    given = JSON.stringify(address);
  } catch {
    // A cycle or a BigInt: it is named by its type below.
  }
  return new MillraceError(
    'ERR_ADDRESS',
    `${name} must be ['host', port], 'host:port', '[::1]:port', { host, port } with a port from 0 to 65535, or { path } for a unix socket; it is ${given?.slice(0, 200) ?? typeof address}`,
    { details: { name } },
  );
}
