/**
 * Persistent sessions on the server: each has a name, by which any program may take it; it goes on while nobody has it, and where the store keeps its history it is
 * there again after a restart.
 */
import { MillraceError } from '../../base/errors.ts';
import { newOwnedId } from '../../base/ids.ts';
import { GraphObject, type GraphSession, type GraphTask } from '../../graph/entities.ts';
import { type Graph, stateOf } from '../../graph/graph.ts';
import { type GraphJoined, type GraphNodes, submissionPart, type WireNode, type WireObject } from '../../protocol/graph-messages.ts';
import type { GraphSessionInfo } from '../../protocol/graph-views.ts';
import type { StoredSession } from '../../store/sessions.ts';
import type { Link } from '../link.ts';
import type { GraphData } from './data.ts';
import type { Journal } from './journal.ts';
import { failureOf, type GraphParts, newSeat, type Seat } from './members.ts';
import { seatInfo } from './views.ts';

/** What is stored of a session beside its history. */
interface Facts {
  readonly name: string;
  readonly onFailure: 'fail' | 'continue';
  readonly openedAt: number;
  readonly token: string;
}

export interface LastingParts {
  readonly parts: GraphParts;
  readonly graph: Graph;
  readonly data: GraphData;
  readonly journal: Journal;
  /** Takes a seat in. */
  enter(seat: Seat): void;
  /** Who had it waits for nothing any more. */
  giveUp(seat: Seat): void;
}

export class LastingSeats {
  readonly #own: LastingParts;
  readonly #byName: Map<string, Seat> = new Map();

  constructor(own: LastingParts) {
    this.#own = own;
  }

  /** The one of this name, from whoever has it; else a new one. @throws ERR_GRAPH, ERR_STATE */
  join(link: Link, name: string, onFailure: 'fail' | 'continue'): GraphJoined {
    const { parts, graph, journal, enter } = this.#own;
    if (parts.durable && parts.sessions === null)
      throw new MillraceError('ERR_GRAPH', 'the store of this server keeps no persistent sessions: open the session without `persistent`');
    const known = this.#byName.get(name);
    if (known !== undefined) return this.#take(known, link, onFailure);
    const { token } = newOwnedId();
    const session = graph.openSession(name, onFailure, true);
    const seat = newSeat(session, token, link, parts.clock.wall());
    enter(seat);
    this.#byName.set(name, seat);
    parts.hold(link, seat.name);
    this.#write(seat);
    journal.note(session, ['joined', [...graph.clients].map(({ id }) => id)]);
    return { session: session.n, token, next: 0, resumed: false, failure: null };
  }

  /** It goes on without a connection. */
  leave(seat: Seat): null {
    seat.link = null;
    seat.stopWatch?.();
    seat.stopWatch = null;
    seat.parts = { objects: [], tasks: [] };
    seat.put.clear();
    this.#own.giveUp(seat);
    this.#own.parts.hold(null, seat.name);
    return null;
  }

  closed({ session }: Seat): void {
    this.#byName.delete(session.name);
    this.#own.journal.close(session.n);
  }

  named(name: string): Seat | null {
    return this.#byName.get(name) ?? null;
  }

  list(): GraphSessionInfo[] {
    return [...this.#byName.values()].map(seatInfo);
  }

  /** Tasks and objects from this place on, about as many as go into a message. */
  nodes({ session }: Seat, from: number): GraphNodes {
    const answer: GraphNodes = { objects: [], tasks: [], next: null };
    let size = 0;
    let at = -1;
    for (const node of session.nodes.values()) {
      if (++at < from) continue;
      if (size >= submissionPart) return { ...answer, next: at };
      if (node instanceof GraphObject) answer.objects.push([wireObject(node), stateOf(node)]);
      else answer.tasks.push([wireNode(node), stateOf(node)]);
      size += 100 + (node instanceof GraphObject ? 0 : (node.spec[2]?.length ?? 0) + 8 * node.inputs.length);
    }
    return answer;
  }

  clientJoined(id: string): void {
    for (const { session } of this.#byName.values()) this.#own.journal.note(session, ['joined', [id]]);
  }

  /** While the graph still knows it: what others have of it is not lost with it, neither here nor after a restart. */
  clientLeaves(id: string): void {
    const { graph, journal } = this.#own;
    const copies = new Map<GraphSession, Map<string, number[]>>();
    for (const { id: object, session, holders } of graph.client(id)?.held.values() ?? []) {
      const other = holders.find((holder) => holder.id !== id);
      if (!session.lasting || other === undefined) continue;
      const byHolder = copies.get(session) ?? new Map<string, number[]>();
      copies.set(session, byHolder);
      const objects = byHolder.get(other.id);
      if (objects === undefined) byHolder.set(other.id, [object]);
      else objects.push(object);
    }
    for (const [session, byHolder] of copies) for (const [holder, objects] of byHolder) journal.note(session, ['holds', holder, objects]);
    for (const { session } of this.#byName.values()) journal.note(session, ['left', id]);
  }

  /** As they were when the last server of this store was lost. Answers with the clients that may come back. */
  async recover(rows: readonly StoredSession[]): Promise<string[]> {
    const { parts, graph, data, journal, enter } = this.#own;
    for (const { n, facts } of rows) {
      const { name, onFailure, openedAt, token } = JSON.parse(facts) as Facts;
      const replay = graph.replay(n, name, onFailure);
      for await (const { record, put } of journal.read(n)) {
        const sizes = new Map([...put].map(([id, chunks]) => [id, chunks.reduce((sum, { length }) => sum + length, 0)]));
        replay.tell(record, sizes);
        if (record[0] === 'submit') data.add(objectsIn(replay.session, record[2]), put);
      }
      const seat = newSeat(replay.session, token, null, openedAt);
      enter(seat);
      this.#byName.set(name, seat);
      parts.hold(null, seat.name);
    }
    return graph.replayed().map(({ id }) => id);
  }

  #take(seat: Seat, link: Link, onFailure: 'fail' | 'continue'): GraphJoined {
    const { session } = seat;
    if (session.onFailure !== onFailure)
      throw new MillraceError('ERR_STATE', `the session '${session.name}' was opened with onFailure: '${session.onFailure}'`);
    if (seat.link !== null) {
      seat.link.peer.notify('graph.taken', { session: session.n });
      this.leave(seat);
    }
    // Whoever had it comes back with another one.
    seat.token = newOwnedId().token;
    seat.link = link;
    this.#own.parts.hold(link, seat.name);
    this.#write(seat);
    const { next } = session.nodes;
    return { session: session.n, token: seat.token, next, resumed: true, failure: failureOf(session) };
  }

  #write({ session, token, openedAt }: Seat): void {
    const { n, name, onFailure } = session;
    this.#own.journal.session(n, { name, onFailure, openedAt, token } satisfies Facts);
  }
}

export function objectsIn(session: GraphSession, specs: readonly { readonly 0: number }[]): GraphObject[] {
  return specs.map(({ 0: id }) => session.nodes.get(id)).filter((node) => node instanceof GraphObject);
}

function wireObject({ spec, keep, constant }: GraphObject): WireObject {
  return [spec[0], spec[1], spec[2], keep, constant ? true : null, spec[5]];
}

function wireNode({ spec }: GraphTask): WireNode {
  const [id, type, config, inputs, outputs, more] = spec;
  return [
    id,
    type,
    config,
    inputs,
    outputs,
    more === null ? null : (({ resources, ...rest }) => (resources === undefined ? rest : { ...rest, resources: { ...resources } }))(more),
  ];
}
