/**
 * A name server: a daemon that knows where objects are by their names and tags, and what asks it. Who holds the key of the daemon may register and
 * look up; the URIs `millname:` and `millmeta:` ask it on their own, at each connection anew.
 */
import { type Address, formatAddress, parseAddress } from '../base/address.ts';
import { systemClock } from '../base/clock.ts';
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import type { Duration } from '../task/task.ts';
import type { Remote } from './caller.ts';
import { control } from './control.ts';
import type { NameFilter } from './core/names.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { MemoryNames, NameObject, type NameStore, nameMethods } from './name-object.ts';
import { checkOptions } from './options.ts';
import { type ProxyOptions, proxy } from './proxy.ts';
import { locatePyroNS, type PyroNameServer } from './pyro/name-server.ts';
import { nameServerAddress, namesObject, URI } from './uri.ts';

interface Registering {
  /** Refuse a name that is kept already. */
  readonly safe?: boolean;
  readonly metadata?: readonly string[];
  /** The name is gone after this time, unless it is registered again. Default: it stays. */
  readonly lease?: Duration;
}

/** Makes a daemon answer names, by this object. */
export function answerNames(daemon: Daemon, store: NameStore = new MemoryNames()): NameObject {
  const names = new NameObject(store, systemClock);
  daemon.register(names, namesObject, { expose: nameMethods });
  daemon.whenStopped(() => names.end());
  return names;
}

/** A daemon that is a name server, and can have objects beside it. Default address: `localhost:50001`. Names last as long as it. */
export async function serveNames(options: DaemonOptions = {}): Promise<Daemon> {
  const daemon = await Daemon.new({ address: nameServerAddress, ...options });
  answerNames(daemon);
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
    const { safe = false, metadata, lease } = checkOptions(options, ['safe', 'metadata', 'lease'], 'register()');
    const ms = lease === undefined ? null : parseDuration(lease, 'lease');
    await this.#remote.register(name, String(new URI(uri)), metadata === undefined ? { safe, lease: ms } : { safe, metadata, lease: ms });
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
    if (regex !== undefined && !(regex instanceof RegExp))
      throw new MillraceError('ERR_OPTION', 'regex must be a RegExp', { details: { option: 'regex' } });
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

/** Finds one of Pyro, by its URI: `PYRO:Pyro.NameServer@host:9090`. */
export function locateNS(uri: `PYRO:${string}`, port?: undefined, options?: ProxyOptions): Promise<PyroNameServer>;
/** Finds a name server, by default on `localhost:50001`. Rejects when none answers there. */
export function locateNS(host?: string | Address, port?: number, options?: ProxyOptions): Promise<NameServer>;
export async function locateNS(host?: string | Address, port?: number, options?: ProxyOptions): Promise<NameServer | PyroNameServer> {
  if (typeof host === 'string' && /^PYRO:/i.test(host)) return locatePyroNS(host, options);
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
