/** The bytes of objects on the server's side: constants, which it keeps itself, and all others by way of a client that has them. */
import { MillraceError } from '../../base/errors.ts';
import { NumberMap } from '../../base/number-map.ts';
import type { GraphClient, GraphObject } from '../../graph/entities.ts';
import { largestRead } from '../../protocol/graph-messages.ts';
import type { GraphDoor } from '../../protocol/graph-work.ts';
import type { Link } from '../link.ts';
import { travels } from './orders.ts';

/** Constants of all sessions together. */
const mostConstants = 1024 ** 3;
/** What is taken from clients that leave, of them. */
const mostRescued = 256 * 2 ** 20;
/** How long a client may take for a stretch of an object (ms). */
const patience = 30_000;

export interface DataParts {
  linkOf(client: GraphClient): Link | null;
  /** It says that it has it no more. */
  lost(client: GraphClient, object: GraphObject): void;
}

export class GraphData {
  readonly #parts: DataParts;
  /** By the number of the object. */
  readonly #constants: NumberMap<Uint8Array> = new NumberMap();
  readonly #objects: NumberMap<GraphObject> = new NumberMap();
  readonly #doors: Map<string, GraphDoor> = new Map();
  #bytes = 0;
  /** What was taken from clients that left, and what is being. */
  readonly #taken: Set<number> = new Set();
  #rescued = 0;
  #rescuing = 0;

  constructor(parts: DataParts) {
    this.#parts = parts;
  }

  /** @throws ERR_SIZE */
  checkRoom(bytes: number): void {
    if (this.#bytes + bytes > mostConstants)
      throw new MillraceError(
        'ERR_SIZE',
        `the constants of all sessions are over ${mostConstants} bytes: let tasks load large data from files`,
      );
  }

  /** Objects of a submission that was taken; `chunks`: what came before, of those that were put. */
  add(objects: Iterable<GraphObject>, chunks: ReadonlyMap<number, readonly Uint8Array[]>): void {
    for (const object of objects) {
      this.#objects.set(object.n, object);
      if (!object.constant) continue;
      const value = object.spec[4];
      // A copy: what was decoded is a part of a frame, which would be kept as a whole.
      const bytes = value instanceof Uint8Array ? Uint8Array.from(value) : Buffer.concat(chunks.get(object.id) ?? []);
      this.#constants.set(object.n, bytes);
      this.#bytes += bytes.length;
    }
  }

  forget(objects: Iterable<GraphObject>): void {
    for (const object of objects) {
      this.#objects.delete(object.n);
      this.release(object);
    }
  }

  /** Takes an object from a client that leaves; false: it could not be had, or there is no room. `keep`: whether it is still of use. */
  async rescue(object: GraphObject, keep: (has: boolean) => boolean): Promise<void> {
    const { n, size } = object;
    const room = this.#rescuing + this.#rescued + size <= mostRescued && this.#bytes + size <= mostConstants;
    if (!room) {
      keep(false);
      return;
    }
    this.#rescuing += size;
    const bytes = await this.#whole(object).catch(() => null);
    this.#rescuing -= size;
    if (!keep(bytes !== null) || bytes === null) return;
    this.#constants.set(n, bytes);
    this.#bytes += size;
    this.#rescued += size;
    this.#taken.add(n);
  }

  release({ n }: GraphObject): void {
    const size = this.#constants.get(n)?.length ?? 0;
    this.#bytes -= size;
    if (this.#taken.delete(n)) this.#rescued -= size;
    this.#constants.delete(n);
  }

  setDoor(client: string, door: GraphDoor | null): void {
    if (door === null) this.#doors.delete(client);
    else this.#doors.set(client, door);
  }

  /** The machine of a client. */
  hostOf(client: GraphClient): string {
    return this.#parts.linkOf(client)?.connection.peer.host ?? '';
  }

  /** Where a client can get it from another one. */
  doorsTo(n: number, asker: string): GraphDoor[] {
    const doors: GraphDoor[] = [];
    for (const { id, online } of this.#objects.get(n)?.holders ?? []) {
      const door = this.#doors.get(id);
      if (online && door !== undefined && id !== asker) doors.push(door);
    }
    return doors;
  }

  /** The bytes of a constant that travels with tasks; null: it does not. */
  small(object: GraphObject): Uint8Array | null {
    return travels(object) ? (this.#constants.get(object.n) ?? null) : null;
  }

  object(n: number): GraphObject | null {
    return this.#objects.get(n) ?? null;
  }

  /** A stretch of it, from wherever it is. @throws ERR_NOT_FOUND: nobody who is there has it */
  async read(object: GraphObject, offset: number, length: number, asker: string | null = null): Promise<Uint8Array> {
    const constant = this.#constants.get(object.n);
    if (constant !== undefined) return constant.subarray(offset, offset + length);
    let last: unknown = null;
    for (const client of [...object.holders]) {
      // Who has it does not ask for it.
      if (client.id === asker) this.#parts.lost(client, object);
      if (client.id === asker || !client.online) continue;
      const link = this.#parts.linkOf(client);
      if (link === null) continue;
      try {
        const answer = await link.peer.request('graph.bytes', { n: object.n, offset, length }, { timeout: patience });
        if (answer instanceof Uint8Array) return answer;
        last = new MillraceError('ERR_PROTOCOL', 'a client answered with something that are no bytes');
      } catch (error) {
        last = error;
        if (error instanceof MillraceError && error.code === 'ERR_NOT_FOUND') this.#parts.lost(client, object);
      }
    }
    throw new MillraceError('ERR_NOT_FOUND', `no client that is there has the object '${object.spec[1]}'`, { cause: last });
  }

  async #whole(object: GraphObject): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(object.size);
    for (let at = 0; at < bytes.length; at += largestRead) {
      const part = await this.read(object, at, Math.min(largestRead, bytes.length - at));
      if (part.length === 0) throw new MillraceError('ERR_NOT_FOUND', 'an object was shorter than was said');
      bytes.set(part, at);
    }
    return bytes;
  }
}
