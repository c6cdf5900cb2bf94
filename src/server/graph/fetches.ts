/** Objects that sessions read: opened once they are finished, then read by stretches. One whose only holder is lost meanwhile is waited for again. */
import { MillraceError } from '../../base/errors.ts';
import { GraphObject, type GraphSession } from '../../graph/entities.ts';
import { type FetchOpened, mostReads } from '../../protocol/graph-messages.ts';
import { RawBytes } from '../../transport/peer.ts';
import type { Link } from '../link.ts';
import type { GraphData } from './data.ts';
import { infoOf } from './info.ts';
import type { OpenFetch, Seat } from './members.ts';

/** So often it is looked for again before a read fails. */
const mostTries = 8;

/** Until it can be read; `began` is told by which token the graph knows of the wait. */
type Readable = (session: GraphSession, object: number, began?: (token: number) => void) => Promise<unknown>;

export class FetchDesk {
  readonly #data: GraphData;
  readonly #readable: Readable;
  readonly #open: Map<number, OpenFetch & { reading: number }> = new Map();
  #last = 0;

  constructor(data: GraphData, readable: Readable) {
    this.#data = data;
    this.#readable = readable;
  }

  async open(seat: Seat, id: number, began: (token: number) => void): Promise<FetchOpened> {
    await this.#readable(seat.session, id, began);
    const object = seat.session.nodes.get(id);
    if (!(object instanceof GraphObject)) throw new MillraceError('ERR_ENDED', 'the session is closed');
    const fetch = ++this.#last;
    this.#open.set(fetch, { seat, object, reading: 0 });
    seat.fetches.add(fetch);
    return { fetch, size: object.size, info: infoOf(object) };
  }

  /** @throws ERR_NOT_FOUND, ERR_PROTOCOL, and as the session */
  async read(link: Link, fetch: number, offset: number, length: number): Promise<RawBytes> {
    const open = this.#open.get(fetch);
    if (open?.seat.link !== link) throw new MillraceError('ERR_NOT_FOUND', 'this fetch has ended');
    if (open.reading >= mostReads) throw new MillraceError('ERR_PROTOCOL', `a fetch may have ${mostReads} reads open at a time`);
    open.reading++;
    try {
      const { object, seat } = open;
      for (let tries = 1; ; tries++) {
        try {
          return new RawBytes(await this.#data.read(object, offset, Math.min(length, Math.max(0, object.size - offset))));
        } catch (error) {
          if (tries === mostTries) throw error;
          // Made again, when it was lost.
          await this.#readable(seat.session, object.id);
        }
      }
    } finally {
      open.reading--;
    }
  }

  end(link: Link, fetch: number): null {
    const open = this.#open.get(fetch);
    if (open?.seat.link !== link) return null;
    this.#open.delete(fetch);
    open.seat.fetches.delete(fetch);
    return null;
  }

  endAll({ fetches }: Seat): void {
    for (const fetch of fetches) this.#open.delete(fetch);
    fetches.clear();
  }
}
