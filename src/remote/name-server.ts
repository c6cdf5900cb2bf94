/**
 * A name server: a daemon that knows where objects are by their names and tags, and what asks it. Who holds the key of the daemon may register and
 * look up; the URIs `millname:` and `millmeta:` ask it on their own, at each connection anew.
 */
import { type Address, formatAddress, parseAddress } from '../base/address.ts';
import { MillraceError } from '../base/errors.ts';
import type { Remote } from './caller.ts';
import { type NameFilter, Names } from './core/names.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { checkOptions } from './options.ts';
import { control, type ProxyOptions, proxy } from './proxy.ts';
import { nameServerAddress, namesObject, URI } from './uri.ts';

interface Registering {
  /** Refuse a name that is kept already. */
  readonly safe?: boolean;
  readonly metadata?: readonly string[];
}

/** What others call of it. */
class NameObject {
  readonly #names: Names = new Names();

  register(name: unknown, uri: string, { safe, metadata }: Registering): void {
    const place = new URI(uri);
    this.#names.register(name, place.toString(), { safe: safe === true, metadata });
  }

  lookup(name: unknown): string {
    return this.#names.lookup(name).uri;
  }

  metadata(name: unknown): readonly string[] {
    return this.#names.lookup(name).metadata;
  }

  tagged(tags: unknown): string[] {
    return this.#names.tagged(tags);
  }

  list(filter: NameFilter): [name: string, uri: string][] {
    return this.#names.list(filter).map(([name, { uri }]) => [name, uri]);
  }

  remove(name: unknown): boolean {
    return this.#names.remove(name);
  }

  setMetadata(name: unknown, metadata: unknown): void {
    this.#names.setMetadata(name, metadata);
  }

  ping(): void {}
}

/** A daemon that is a name server, and can have objects beside it. Default address: `localhost:50001`. Names last as long as it. */
export async function serveNames(options: DaemonOptions = {}): Promise<Daemon> {
  const daemon = await Daemon.new({ address: nameServerAddress, ...options });
  daemon.register(new NameObject(), namesObject);
  return daemon;
}

/** What a list is narrowed to: one of these. */
export interface NameListFilter extends NameFilter {
  /** Tried on each name on this side: a costly pattern costs nobody else. */
  readonly regex?: RegExp;
}

/** A name server as its users have it. */
export class NameServer implements AsyncDisposable {
  readonly #remote: Remote<NameObject>;

  /** By `locateNS`. */
  constructor(remote: Remote<NameObject>) {
    this.#remote = remote;
  }

  get uri(): string {
    return control(this.#remote).uri;
  }

  /** Keeps a name for a URI; an earlier one is replaced, but for `safe`. @throws ERR_NAME, ERR_URI */
  async register(name: string, uri: string | URI, options?: Registering): Promise<void> {
    const { safe = false, metadata } = checkOptions(options, ['safe', 'metadata'], 'register()');
    await this.#remote.register(name, String(new URI(uri)), metadata === undefined ? { safe } : { safe, metadata });
  }

  /** @throws ERR_NAME */
  async lookup(name: string): Promise<URI> {
    return new URI(await this.#remote.lookup(name));
  }

  /** The tags of a name. @throws ERR_NAME */
  metadata(name: string): Promise<readonly string[]> {
    return this.#remote.metadata(name);
  }

  /** Names with their URIs, ascending. @throws ERR_OPTION for two filters */
  async list(filter: NameListFilter = {}): Promise<Map<string, string>> {
    const { regex, ...others } = checkOptions<NameListFilter>(filter, ['prefix', 'regex', 'metadataAll', 'metadataAny'], 'list()');
    if (Object.keys(filter).length > 1)
      throw new MillraceError('ERR_OPTION', 'list() takes one filter: prefix, regex, metadataAll or metadataAny');
    const found = await this.#remote.list(others);
    return new Map(regex === undefined ? found : found.filter(([name]) => name.search(regex) >= 0));
  }

  /** False: there was no such name. */
  remove(name: string): Promise<boolean> {
    return this.#remote.remove(name);
  }

  /** @throws ERR_NAME */
  async setMetadata(name: string, metadata: readonly string[]): Promise<void> {
    await this.#remote.setMetadata(name, metadata);
  }

  /** Resolves when it answers. */
  async ping(): Promise<void> {
    await this.#remote.ping();
  }

  /** Closes the connection; the next call connects again. */
  release(): void {
    control(this.#remote).release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
  }
}

/** Finds a name server, by default on `localhost:50001`. Rejects when none answers there. */
export async function locateNS(host?: string | Address, port?: number, options?: ProxyOptions): Promise<NameServer> {
  const bare = typeof host === 'string' && !/^(?:\[[^\]]*\]|[^:]*):\d+$/.test(host);
  const place =
    host === undefined
      ? { ...nameServerAddress, ...(port === undefined ? {} : { port }) }
      : parseAddress(bare ? [host, port ?? 50_001] : (host as Address), 'the name server');
  const uri = 'path' in place ? `mill:${namesObject}@./u:${place.path}` : `mill:${namesObject}@${formatAddress(place)}`;
  const names = new NameServer(proxy<NameObject>(uri, options));
  try {
    await names.ping();
  } catch (error) {
    names.release();
    throw error;
  }
  return names;
}
