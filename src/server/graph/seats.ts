/**
 * The sessions of the server's connections: who has which, and what is asked of it. A session whose connection is gone waits a few seconds for another one
 * with its token; then it is closed, with all that it has.
 */
import { MillraceError } from '../../base/errors.ts';
import { newOwnedId } from '../../base/ids.ts';
import type { GraphEvent } from '../../graph/effects.ts';
import { GraphObject, type GraphSession, type ObjectSpec, type TaskSpec } from '../../graph/entities.ts';
import { type Graph, stateOf } from '../../graph/graph.ts';
import { failureError, nodesOf } from '../../graph/waits.ts';
import type { GraphRequest, GraphRequests, GraphServerInfo, NodeInfo } from '../../protocol/graph-messages.ts';
import { firstLasting } from '../../protocol/graph-work.ts';
import type { RawBytes } from '../../transport/peer.ts';
import type { Link } from '../link.ts';
import type { GraphData } from './data.ts';
import { FetchDesk } from './fetches.ts';
import { infosOf, progressOf, serverInfo } from './info.ts';
import type { Journal } from './journal.ts';
import { LastingSeats, objectsIn } from './lasting.ts';
import { type GraphParts, newSeat, type Seat } from './members.ts';
import { graphPart, sessionPage } from './views.ts';

export interface SeatHandlers {
  /** @throws as the graph does */
  handle(event: GraphEvent): void;
  /** `began`: told at once by which token the graph knows of the wait. */
  wait(session: GraphSession, items: readonly number[], some: boolean, began: (token: number) => void): Promise<readonly number[]>;
  readable(session: GraphSession, object: number, began?: (token: number) => void): Promise<readonly number[]>;
  giveUp(session: GraphSession, token: number): void;
  /** After the turn that writes what was added to the journal. */
  committed(): Promise<void>;
  readonly data: GraphData;
  readonly journal: Journal;
}

/** Tasks and objects of a submission that has not ended yet. */
const mostGathered = 20_000_000;

/** Bytes go as they are. */
type Answered<R extends GraphRequest> = R extends 'graph.read' ? RawBytes : GraphRequests[R][1];
type Answers = {
  readonly [R in GraphRequest]: (link: Link, parameters: GraphRequests[R][0]) => Answered<R> | Promise<Answered<R>>;
};

export class Seats {
  readonly #parts: GraphParts;
  readonly #graph: Graph;
  readonly #handlers: SeatHandlers;
  readonly #seats: Map<number, Seat> = new Map();
  readonly #desk: FetchDesk;
  readonly #answers: Answers;
  readonly lasting: LastingSeats;

  constructor(parts: GraphParts, graph: Graph, handlers: SeatHandlers) {
    this.#parts = parts;
    this.#graph = graph;
    this.#handlers = handlers;
    const { data, journal } = handlers;
    const enter = (seat: Seat): void => void this.#seats.set(seat.session.n, seat);
    this.lasting = new LastingSeats({ parts, graph, data, journal, enter, giveUp: (seat) => this.#giveUp(seat) });
    this.#desk = new FetchDesk(handlers.data, (session, object, began) => handlers.readable(session, object, began));
    this.#answers = {
      'graph.open': (link, { name, onFailure }) => this.#open(link, name, onFailure),
      'graph.join': (link, { name, onFailure }) => this.lasting.join(link, name, onFailure),
      'graph.nodes': (link, { session, from }) => this.lasting.nodes(this.#mine(link, session), from),
      'graph.leave': (link, { session }) => this.lasting.leave(this.#mine(link, session)),
      'graph.sessions': () => this.lasting.list(),
      'graph.end': (_link, { name }) => {
        const seat = this.lasting.named(name);
        if (seat !== null) this.#end(seat);
        return seat !== null;
      },
      'graph.attach': (link, { session, token }) => this.#attach(link, session, token),
      'graph.put': (link, { session, object, bytes }) => this.#put(this.#mine(link, session), object, bytes),
      'graph.submit': (link, parameters) => this.#submit(this.#mine(link, parameters.session), parameters),
      'graph.wait': async (link, { session, items, some, wait }) => {
        const seat = this.#mine(link, session);
        const finished = await named(seat, wait, (began) => handlers.wait(seat.session, items, some, began));
        return { finished: [...finished] };
      },
      'graph.fetch': (link, { session, object, wait }) => {
        const seat = this.#mine(link, session);
        return named(seat, wait, (began) => this.#desk.open(seat, object, began));
      },
      'graph.give-up': (link, { session, wait }) => {
        const seat = this.#mine(link, session);
        const token = seat.waits.get(wait);
        // Answered before: that crossed this.
        if (token !== undefined) handlers.giveUp(seat.session, token);
        return null;
      },
      'graph.read': (link, { fetch, offset, length }) => this.#desk.read(link, fetch, offset, length),
      'graph.end-fetch': (link, { fetch }) => this.#desk.end(link, fetch),
      'graph.update': (link, { session, items }) => this.#update(this.#mine(link, session), items),
      'graph.unkeep': (link, { session, objects }) => {
        const { session: graph } = this.#mine(link, session);
        handlers.handle({ type: 'unkeep', session: graph, objects });
        if (graph.lasting) handlers.journal.note(graph, ['unkeep', objects]);
        return null;
      },
      'graph.progress': (link, { session }) => progressOf(this.#mine(link, session).session),
      'graph.watch': (link, { session, every }) => this.#watch(this.#mine(link, session), every),
      'graph.explain': (link, { session, task }) => {
        const { session: graph } = this.#mine(link, session);
        const reason = this.#graph.explain(graph, task);
        return { state: stateOf(nodesOf(graph, [task])[0]!), reason };
      },
      'graph.close': (link, { session }) => {
        const seat = this.#seats.get(session);
        // Closed before, or by its connection's end: that is what was asked for.
        if (seat?.link === link) this.#close(seat);
        return null;
      },
      'graph.overview': (_link, place) => sessionPage(this.#seats.values(), place),
      'graph.show': (_link, { session, ...place }) => graphPart(this.#any(session).session, place),
      'graph.end-session': (_link, { session }) => {
        this.#end(this.#any(session));
        return null;
      },
      'graph.info': (): GraphServerInfo => serverInfo(this.#graph.clients, (client) => handlers.data.hostOf(client)),
    };
  }

  request<R extends GraphRequest>(link: Link, name: R, parameters: GraphRequests[R][0]): Answered<R> | Promise<Answered<R>> {
    const answer = this.#answers[name](link, parameters);
    const { journal } = this.#handlers;
    // What waits is answered by a turn, so after its commit.
    if (answer instanceof Promise || !isAboutLasting(name, parameters) || !(journal.dirty || this.#graph.hasRecorded)) return answer;
    return this.#handlers.committed().then(() => answer);
  }

  of(session: GraphSession): Seat | null {
    return this.#seats.get(session.n) ?? null;
  }

  disconnected(link: Link): void {
    for (const seat of this.#seats.values()) {
      if (seat.link !== link) continue;
      if (seat.session.lasting) {
        this.lasting.leave(seat);
        continue;
      }
      seat.link = null;
      seat.stopGrace = this.#parts.clock.after(this.#parts.grace, () => this.#close(seat));
    }
  }

  close(): void {
    for (const { stopGrace, stopWatch } of this.#seats.values()) {
      stopGrace?.();
      stopWatch?.();
    }
    this.#seats.clear();
  }

  #open(link: Link, name: string, onFailure: 'fail' | 'continue'): { session: number; token: string } {
    const session = this.#graph.openSession(name, onFailure);
    const { token } = newOwnedId();
    const seat = newSeat(session, token, link, this.#parts.clock.wall());
    this.#seats.set(session.n, seat);
    this.#parts.hold(link, seat.name);
    return { session: session.n, token };
  }

  #attach(link: Link, session: number, token: string): null {
    const seat = this.#seats.get(session);
    // The token was told over an authenticated connection: it tells sessions apart, it is no secret of its holder.
    if (seat === undefined || seat.token !== token) throw gone();
    seat.stopGrace?.();
    seat.stopGrace = null;
    seat.link = link;
    // What was on its way comes again.
    seat.parts = { objects: [], tasks: [] };
    seat.put.clear();
    // Who waited over the connection before asks again.
    this.#giveUp(seat);
    this.#parts.hold(link, seat.name);
    return null;
  }

  #giveUp({ waits, session }: Seat): void {
    for (const token of [...waits.values()]) this.#handlers.giveUp(session, token);
  }

  #mine(link: Link, session: number): Seat {
    const seat = this.#seats.get(session);
    if (seat?.link !== link) throw gone();
    return seat;
  }

  /** Whoever has it. */
  #any(session: number): Seat {
    const seat = this.#seats.get(session);
    if (seat === undefined) throw new MillraceError('ERR_NOT_FOUND', 'no session has this number: it was closed, or there was none');
    return seat;
  }

  #put(seat: Seat, object: number, bytes: Uint8Array): null {
    const chunks = seat.put.get(object) ?? [];
    let before = 0;
    for (const parts of seat.put.values()) for (const { length } of parts) before += length;
    this.#handlers.data.checkRoom(before + bytes.length);
    chunks.push(Uint8Array.from(bytes));
    seat.put.set(object, chunks);
    return null;
  }

  #submit(seat: Seat, { objects, tasks, last }: GraphRequests['graph.submit'][0]): { tasks: number; objects: number } {
    const { parts, put, session } = seat;
    for (const object of objects) parts.objects.push(object);
    for (const task of tasks) parts.tasks.push(task);
    if (!last && parts.objects.length + parts.tasks.length <= mostGathered) return { tasks: 0, objects: 0 };
    seat.parts = { objects: [], tasks: [] };
    const specs = parts.objects as ObjectSpec[];
    try {
      if (!last) throw new MillraceError('ERR_TASK', `a submission has at most ${mostGathered} tasks and objects: submit in steps`);
      const sizes = new Map([...put].map(([id, chunks]) => [id, chunks.reduce((sum, { length }) => sum + length, 0)]));
      this.#handlers.data.checkRoom(
        specs.reduce((sum, [id, , , , value]) => sum + (value instanceof Uint8Array ? value.length : (sizes.get(id) ?? 0)), 0),
      );
      this.#handlers.handle({ type: 'submit', session, objects: specs, tasks: parts.tasks as TaskSpec[], sizes });
      this.#handlers.data.add(objectsIn(session, specs), put);
      if (session.lasting) this.#handlers.journal.submission(session, { objects: specs, tasks: parts.tasks as TaskSpec[], put });
    } finally {
      put.clear();
    }
    return { tasks: parts.tasks.length, objects: specs.length };
  }

  #update(seat: Seat, items: readonly number[]): NodeInfo[] {
    const { session } = seat;
    if (session.state === 'failed') throw failureError(session.failure!);
    return infosOf(nodesOf(session, items));
  }

  #watch(seat: Seat, every: number): null {
    seat.stopWatch?.();
    seat.stopWatch = null;
    if (every === 0) return null;
    let told = '';
    const tell = (): void => {
      const progress = progressOf(seat.session);
      const text = JSON.stringify(progress);
      if (text !== told) seat.link?.peer.notify('graph.progressed', { session: seat.session.n, progress });
      told = text;
      seat.stopWatch = this.#parts.clock.after(every, tell);
    };
    tell();
    return null;
  }

  /** By somebody else than who has it. */
  #end(seat: Seat): void {
    seat.link?.peer.notify('graph.taken', { session: seat.session.n });
    this.#close(seat);
  }

  #close(seat: Seat): void {
    seat.stopGrace?.();
    seat.stopWatch?.();
    const objects = [...seat.session.nodes.values()].filter((node) => node instanceof GraphObject);
    this.#desk.endAll(seat);
    this.#handlers.handle({ type: 'close', session: seat.session });
    this.#handlers.data.forget(objects);
    this.#seats.delete(seat.session.n);
    if (seat.session.lasting) this.lasting.closed(seat);
    this.#parts.release(seat.link, seat.name);
  }
}

/** A wait that can be given up while it lasts, by its number. */
function named<T>(seat: Seat, wait: number | undefined, begin: (began: (token: number) => void) => Promise<T>): Promise<T> {
  if (wait === undefined) return begin(() => {});
  const done = begin((token) => seat.waits.set(wait, token));
  const over = (): void => void seat.waits.delete(wait);
  done.then(over, over);
  return done;
}

function isAboutLasting(name: GraphRequest, parameters: object): boolean {
  if ('session' in parameters) return Number(parameters.session) >= firstLasting;
  return name === 'graph.join' || name === 'graph.end' || name === 'graph.overview';
}

function gone(): MillraceError {
  return new MillraceError(
    'ERR_ENDED',
    'the session is closed: its connection was lost for too long, another program has taken it up by its name, or it was closed before',
  );
}
