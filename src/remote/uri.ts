/** URIs of remote objects as people write them: where the object is, or under what name or tags a name server knows it. Text only; nothing is looked up. */
import { type Address, formatAddress, type ParsedAddress, parseAddress } from '../base/address.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';

/** Those in capitals speak to Pyro4. */
export type URIProtocol = 'mill' | 'millname' | 'millmeta' | 'PYRO' | 'PYRONAME' | 'PYROMETA';

const protocols: readonly URIProtocol[] = ['mill', 'millname', 'millmeta', 'PYRO', 'PYRONAME', 'PYROMETA'];
const form = /^([A-Za-z]+):([^\s@]+)(?:@(\S+|\.\/u:.+))?$/;

/** Where a name server is when nobody says it. */
export const nameServerAddress: { readonly host: string; readonly port: number } = { host: 'localhost', port: 50_001 };

/** The same of Pyro. */
const pyroNameServerAddress: { readonly host: string; readonly port: number } = { host: 'localhost', port: 9_090 };

/** The object that answers names, on the daemon of a name server. */
export const namesObject = 'mill.names';

/**
 * `mill:<object>@host:port`, `mill:<object>@./u:<path>` (unix socket), `millname:<name>[@host[:port]]`, `millmeta:<tag,tag>[@host[:port]]`, and
 * those of Pyro4 in the same forms: `PYRO:`, `PYRONAME:`, `PYROMETA:`.
 */
export class URI {
  readonly protocol: URIProtocol;
  /** The object's id, the name, or the tags as one text. */
  readonly object: string;
  /** Of the object, or of the name server. */
  readonly address: ParsedAddress;

  /** @throws ERR_URI */
  constructor(uri: string | URI) {
    if (uri instanceof URI) {
      this.protocol = uri.protocol;
      this.object = uri.object;
      this.address = uri.address;
      return;
    }
    if (typeof uri !== 'string') throw refused(uri, 'it is no text');
    const [, scheme = '', object = '', location] = form.exec(uri.trim()) ?? [];
    const protocol = protocols.find((known) => known.toLowerCase() === scheme.toLowerCase());
    if (scheme === '') throw refused(uri, "it must be like 'mill:object@host:port', 'millname:name' or 'millmeta:tag,tag'");
    if (protocol === undefined) throw refused(uri, `its kind '${scheme}' is unknown.${didYouMean(scheme, protocols)}`);
    if (isPlace(protocol) && location === undefined) throw refused(uri, "it lacks the place of the object: '@host:port'");
    this.protocol = protocol;
    this.object = /meta$/i.test(protocol) ? tagsOf(object, uri).join(',') : object;
    this.address = location === undefined ? namesOf(protocol) : place(location, protocol, uri);
  }

  /** The URI of an object of a daemon. */
  static of(object: string, address: ParsedAddress, protocol: 'mill' | 'PYRO' = 'mill'): URI {
    return new URI('path' in address ? `${protocol}:${object}@./u:${address.path}` : `${protocol}:${object}@${formatAddress(address)}`);
  }

  /** Whether the object is one of Pyro4. */
  get isPyro(): boolean {
    return this.protocol.startsWith('PYRO');
  }

  /** Whether it says where the object is, so that no name server is asked. */
  get isPlace(): boolean {
    return isPlace(this.protocol);
  }

  /** `host:port`, or the path of the socket. */
  get location(): string {
    return formatAddress(this.address);
  }

  get host(): string | null {
    return 'host' in this.address ? this.address.host : null;
  }

  get port(): number | null {
    return 'port' in this.address ? this.address.port : null;
  }

  /** Of `millmeta` and `PYROMETA`; else none. */
  get tags(): readonly string[] {
    return /meta$/i.test(this.protocol) ? this.object.split(',') : [];
  }

  equals(other: unknown): boolean {
    return other instanceof URI && other.toString() === this.toString();
  }

  toString(): string {
    return `${this.protocol}:${this.object}@${'path' in this.address ? `./u:${this.address.path}` : this.location}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

function isPlace(protocol: URIProtocol): boolean {
  return protocol === 'mill' || protocol === 'PYRO';
}

function namesOf(protocol: URIProtocol): { readonly host: string; readonly port: number } {
  return protocol.startsWith('PYRO') ? pyroNameServerAddress : nameServerAddress;
}

function tagsOf(text: string, uri: string): string[] {
  const tags = text.split(',').map((tag) => tag.trim());
  if (tags.includes('')) throw refused(uri, 'one of its tags is empty');
  return tags;
}

function place(location: string, protocol: URIProtocol, uri: string): ParsedAddress {
  const bare = /^(?:\[[^\]]*\]|[^:]+)$/.test(location) && !location.startsWith('./u:');
  try {
    if (location.startsWith('./u:')) return parseAddress({ path: location.slice(4) });
    if (bare && isPlace(protocol)) throw new MillraceError('ERR_URI', 'it has no port');
    const address = parseAddress((bare ? `${location}:${namesOf(protocol).port}` : location) as Address);
    if ('port' in address && address.port === 0) throw new MillraceError('ERR_URI', 'its port is 0');
    return address;
  } catch (error) {
    throw refused(uri, `its place '${location.slice(0, 200)}' is wrong: ${reasonOf(error)}`);
  }
}

function refused(uri: unknown, why: string): MillraceError {
  const given = typeof uri === 'string' ? `'${uri.slice(0, 200)}'` : String(uri);
  return new MillraceError('ERR_URI', `${given} is no URI of a remote object: ${why}`, { details: { uri: given } });
}
