/**
 * The way from the server's connections to its task graphs, which are loaded when the first session opens: until then this is all there is of them, and
 * what clients say of graphs is that they hold nothing.
 */
import { MillraceError } from '../../base/errors.ts';
import type { GraphRequest } from '../../protocol/graph-messages.ts';
import type { Link } from '../link.ts';
import type { GraphHost } from './host.ts';
import type { GraphParts } from './members.ts';

/** What the names of all requests and events of graphs begin with. */
export const graphPrefix = 'graph.';

export class GraphGate {
  readonly #parts: GraphParts;
  readonly #links: Iterable<Link>;
  #loading: Promise<GraphHost> | null = null;
  #host: GraphHost | null = null;
  #closed = false;

  constructor(parts: GraphParts, links: Iterable<Link>) {
    this.#parts = parts;
    this.#links = links;
  }

  /** Where the store has persistent sessions they go on: before anybody is connected. */
  async recover(): Promise<void> {
    const rows = (await this.#parts.sessions?.all()) ?? [];
    if (rows.length === 0) return;
    this.#loading ??= this.#load();
    await (await this.#loading).recover(rows);
  }

  /** Without a promise where there is none to wait for: what a session sends in one tick is dealt with in order. */
  request(link: Link, name: string, parameters: unknown): unknown {
    if (link.role === 'client') {
      if (this.#host === null) throw new MillraceError('ERR_NOT_FOUND', 'there are no task graphs here');
      return this.#host.dataRequest(link, name, parameters);
    }
    if (this.#host !== null) return this.#answer(this.#host, link, name, parameters);
    if (this.#loading === null && name === 'graph.overview') return { sessions: [], next: null };
    if (this.#loading === null && (name === 'graph.show' || name === 'graph.end-session'))
      throw new MillraceError('ERR_NOT_FOUND', 'no session has this number: none was opened here');
    this.#loading ??= this.#load();
    return this.#loading.then((host) => this.#answer(host, link, name, parameters));
  }

  event(link: Link, name: string, value: unknown): void {
    if (!name.startsWith(graphPrefix) || this.#host?.event(link, name, value) === false)
      throw new MillraceError('ERR_PROTOCOL', `a client may not tell '${name}'`);
  }

  disconnected(link: Link): void {
    this.#host?.disconnected(link);
  }

  left(client: string): void {
    this.#host?.left(client);
  }

  gaveUp(link: Link): void {
    this.#host?.gaveUp(link);
  }

  close(): void {
    this.#closed = true;
    this.#host?.close();
  }

  #answer(host: GraphHost, link: Link, name: string, parameters: unknown): unknown {
    if (this.#closed) throw new MillraceError('ERR_ENDED', 'the server has ended');
    return host.request(link, name as GraphRequest, parameters);
  }

  async #load(): Promise<GraphHost> {
    const { GraphHost } = await import('./host.ts');
    this.#host = new GraphHost(this.#parts, this.#links);
    return this.#host;
  }
}
