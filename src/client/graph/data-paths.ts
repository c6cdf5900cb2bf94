/**
 * The ways of objects between clients. A client opens a door of its own, whose key is the one that it has of its server, and the server tells others where
 * it is; small objects, and those of clients that cannot be reached, come by way of the server.
 */
import { formatAddress, type ParsedAddress } from '../../base/address.ts';
import { MillraceError } from '../../base/errors.ts';
import { hostName, newId } from '../../base/ids.ts';
import { checkStretch, type GraphDoor } from '../../protocol/graph-work.ts';
import type { PeerInfo } from '../../protocol/messages.ts';
import type { NetListener } from '../../transport/listen.ts';
import { Peer, type RawBytes } from '../../transport/peer.ts';
import type { FetchSource } from './fetcher.ts';
import type { GraphWorkParts } from './members.ts';
import type { ObjectStore } from './store.ts';

/** From this size on it is worth asking where an object is. */
const direct = 64 * 1024;
/** A door that did not open is not tried again for so long; an attempt takes at most so long (ms). */
const shunned = 30_000;
const patience = 3_000;
const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

export class DataPaths {
  readonly #parts: GraphWorkParts;
  readonly #store: ObjectStore;
  /** By their door. */
  readonly #peers: Map<string, Promise<Peer>> = new Map();
  readonly #shut: Map<string, number> = new Map();
  readonly #guests: Set<Peer> = new Set();
  #listener: NetListener | null = null;
  #opening: Promise<void> | null = null;
  #closed = false;

  constructor(parts: GraphWorkParts, store: ObjectStore) {
    this.#parts = parts;
    this.#store = store;
  }

  /** Where an object of this size can be had, the best first. */
  async sources(n: number, size: number): Promise<readonly FetchSource[]> {
    const relay: FetchSource = { read: (object, offset, place) => this.#ask(object, offset, place) };
    if (size < direct) return [relay];
    const found = (await this.#parts.ask('graph.where', { n }).catch(() => null)) as { doors?: readonly GraphDoor[] } | null;
    for (const door of found?.doors ?? []) {
      const peer = await this.#peerAt(door);
      if (peer !== null) return [{ read: (object, offset, place) => stretch(peer, object, offset, place) }, relay];
    }
    return [relay];
  }

  /** A stretch of an object that is here, for whoever asks. @throws ERR_NOT_FOUND, ERR_PROTOCOL */
  answer(parameters: unknown): RawBytes {
    const { n, offset, length } = checkStretch(parameters);
    return this.#store.read(n, offset, length);
  }

  /** The server is told where the door is, which is opened first. */
  connected(): void {
    this.#opening ??= this.#open().catch((thrown: unknown) => {
      this.#parts.logger.debug({ err: thrown }, 'no door for other clients: objects go by way of the server');
    });
    void this.#opening.then(() => this.#tell());
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening;
    for (const peer of this.#peers.values()) void peer.then((open) => open.destroy()).catch(() => {});
    for (const peer of this.#guests) peer.destroy();
    await this.#listener?.close();
  }

  async #open(): Promise<void> {
    const { config, clock } = this.#parts;
    const { address, auth, tls } = config;
    const near = 'path' in address || loopback.has(address.host);
    // Without a key of the user nobody listens beyond this machine.
    if (!near && auth === null) return;
    const { listen } = await import('../../transport/listen.ts');
    if (this.#closed) return;
    this.#listener = await listen({
      address: { host: near ? '127.0.0.1' : '0.0.0.0', port: 0 },
      auth,
      tls: tls === null ? null : true,
      self: this.#self('server'),
      clock,
      onConnection: (connection) => {
        const peer: Peer = new Peer(connection, {
          clock,
          requests: (method, parameters) => {
            if (method === 'graph.bytes') return this.answer(parameters);
            throw new MillraceError('ERR_PROTOCOL', `a client does not answer '${method}' here`);
          },
          closed: () => this.#guests.delete(peer),
        });
        this.#guests.add(peer);
      },
    });
  }

  #tell(): void {
    if (this.#listener === null || this.#closed || !this.#parts.online()) return;
    const { address, fingerprint } = this.#listener;
    if ('path' in address) return;
    const host = address.host === '0.0.0.0' ? hostName() : address.host;
    this.#parts.send('graph.door', { host, port: address.port, fingerprint });
  }

  /** null: nobody opens there. */
  async #peerAt(door: GraphDoor): Promise<Peer | null> {
    const { clock, logger } = this.#parts;
    const place: ParsedAddress = { host: door.host, port: door.port };
    const name = formatAddress(place);
    if ((this.#shut.get(name) ?? 0) > clock.now()) return null;
    let peer = this.#peers.get(name);
    if (peer === undefined) {
      peer = this.#dial(place, door.fingerprint, name);
      this.#peers.set(name, peer);
    }
    try {
      return await peer;
    } catch (error) {
      this.#peers.delete(name);
      this.#shut.set(name, clock.now() + shunned);
      logger.debug({ err: error }, `the client at ${name} cannot be reached: its objects come by way of the server`);
      return null;
    }
  }

  async #dial(place: ParsedAddress, fingerprint: string | null, name: string): Promise<Peer> {
    const { config, clock, logger } = this.#parts;
    const { dial } = await import('../../transport/dial.ts');
    const tls = fingerprint === null ? null : { fingerprint };
    const connection = await dial(place, { auth: config.auth, tls, self: this.#self('control'), clock, timeout: patience });
    if (this.#closed) {
      connection.destroy();
      throw new MillraceError('ERR_ENDED', 'the client has ended');
    }
    const closed = (error: MillraceError | null): void => {
      this.#peers.delete(name);
      if (error !== null && !this.#closed) logger.info({ err: error }, `the connection to the client at ${name} is gone`);
    };
    return new Peer(connection, { clock, closed });
  }

  #self(role: 'server' | 'control'): PeerInfo {
    return { role, id: newId(), host: hostName(), pid: process.pid };
  }

  async #ask(n: number, offset: number, place: Uint8Array): Promise<number> {
    const answer = await this.#parts.ask('graph.bytes', { n, offset, length: place.length });
    if (!(answer instanceof Uint8Array) || answer.length > place.length)
      throw new MillraceError('ERR_PROTOCOL', 'the server was asked for a part of an object and answered with something else');
    place.set(answer);
    return answer.length;
  }
}

async function stretch(peer: Peer, n: number, offset: number, place: Uint8Array): Promise<number> {
  const answer = await peer.request('graph.bytes', { n, offset, length: place.length }, { timeout: 10 * patience, into: place });
  return (answer as Uint8Array).length;
}
