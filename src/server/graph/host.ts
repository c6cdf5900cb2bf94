/**
 * Task graphs on the server: loaded when the first session opens. It feeds the graph's state machine with what sessions and clients say, and tells them
 * what each turn decided. One turn is one round of the event loop.
 */
import { MillraceError } from '../../base/errors.ts';
import type { Answer, GraphEvent } from '../../graph/effects.ts';
import type { GraphClient, GraphObject, GraphSession } from '../../graph/entities.ts';
import { Graph } from '../../graph/graph.ts';
import { checkGraphRequest, type GraphRequest, isGraphRequest } from '../../protocol/graph-messages.ts';
import {
  type ClientGraphEvent,
  checkPlace,
  checkStretch,
  firstLasting,
  type GraphDoor,
  isClientGraphEvent,
  lastingOfEpoch,
} from '../../protocol/graph-work.ts';
import type { StoredSession } from '../../store/sessions.ts';
import { RawBytes } from '../../transport/peer.ts';
import type { Link } from '../link.ts';
import { GraphClients } from './clients.ts';
import { GraphData } from './data.ts';
import { Journal } from './journal.ts';
import { failureOf, type GraphParts, type Seat } from './members.ts';
import { Seats } from './seats.ts';

interface Waiting {
  resolve(answer: Extract<Answer, { finished: readonly number[] }>['finished']): void;
  reject(error: MillraceError): void;
}

export class GraphHost {
  readonly #parts: GraphParts;
  readonly #graph: Graph;
  readonly #journal: Journal;
  readonly #clients: GraphClients;
  readonly #data: GraphData;
  readonly #seats: Seats;
  readonly #waiting: Map<number, Waiting> = new Map();
  #tokens = 0;
  #scheduled = false;
  #stopWake: (() => void) | null = null;
  #closed = false;

  constructor(parts: GraphParts, clients: Iterable<Link>) {
    this.#parts = parts;
    this.#graph = new Graph(firstLasting + parts.epoch * lastingOfEpoch);
    this.#journal = new Journal(parts, () => this.#resume());
    this.#data = new GraphData({
      linkOf: (client) => this.#clients.linkOf(client),
      lost: (client, object) => this.#handle({ type: 'object-lost', client: client.id, object: object.n }),
    });
    this.#clients = new GraphClients({
      clock: parts.clock,
      grace: parts.grace,
      handle: (event) => this.#handle(event),
      door: (client, value) => this.#data.setDoor(client, value as GraphDoor | null),
      words: (client, words) => this.#words(client, words),
      small: (object) => this.#data.small(object),
    });
    this.#seats = new Seats(parts, this.#graph, {
      handle: (event) => this.#handle(event),
      wait: (session, items, some, began) => this.#wait((token) => ({ type: 'wait', session, token, items, some }), began),
      readable: (session, object, began) => this.#wait((token) => ({ type: 'await-object', session, token, object }), began),
      giveUp: (session, token) => {
        this.#handle({ type: 'give-up', session, token });
        this.#answer({ token, error: new MillraceError('ERR_ABORTED', 'nobody waits for it any more') });
      },
      data: this.#data,
      journal: this.#journal,
      committed: () => {
        this.#schedule();
        return this.#journal.committed();
      },
    });
    for (const link of clients) if (link.role === 'client') this.#clients.join(link);
  }

  /** Persistent sessions as they were when the last server of this store was lost. Before anybody is connected. */
  async recover(rows: readonly StoredSession[]): Promise<void> {
    for (const id of await this.#seats.lasting.recover(rows)) this.#clients.await(id, this.#parts.patience);
    this.#schedule();
  }

  /** A request of a connection of control. @throws what the request cannot be granted for */
  request(link: Link, name: GraphRequest, parameters: unknown): unknown {
    if (!isGraphRequest(name)) throw new MillraceError('ERR_PROTOCOL', `a ${link.role} cannot ask for '${String(name)}'`);
    return this.#seats.request(link, name, checkGraphRequest(name, parameters));
  }

  /** A client asks for bytes, or where they are. */
  async dataRequest(link: Link, name: string, parameters: unknown): Promise<unknown> {
    const { id } = link.connection.peer;
    if (name === 'graph.where') return { doors: this.#data.doorsTo(checkPlace(parameters).n, id) };
    const { n, offset, length } = checkStretch(parameters);
    const object = this.#data.object(n);
    if (object === null) throw new MillraceError('ERR_NOT_FOUND', 'the session of this object has ended');
    return new RawBytes(await this.#data.read(object, offset, length, id));
  }

  /** An event of a client; false: it is none of graphs. @throws ERR_PROTOCOL */
  event(link: Link, name: string, value: unknown): boolean {
    if (!isClientGraphEvent(name)) return false;
    this.#clients.receive(link, name satisfies ClientGraphEvent, value);
    return true;
  }

  disconnected(link: Link): void {
    if (link.role === 'client') this.#clients.disconnected(link);
    else this.#seats.disconnected(link);
  }

  /** A client said goodbye. */
  left(client: string): void {
    this.#clients.left(client);
  }

  /** The queue has given up the client of this connection for its silence. */
  gaveUp(link: Link): void {
    this.#clients.gaveUp(link);
  }

  close(): void {
    this.#closed = true;
    this.#stopWake?.();
    this.#seats.close();
    this.#clients.close();
  }

  #handle(event: GraphEvent): void {
    if (event.type === 'client-left') this.#seats.lasting.clientLeaves(event.id);
    this.#graph.handle(event, this.#parts.clock.now());
    if (event.type === 'client-joined') this.#seats.lasting.clientJoined(event.id);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#turn();
    });
  }

  #resume(): void {
    if (!this.#closed) this.#turn();
  }

  #turn(): void {
    if (this.#journal.busy) return;
    this.#journal.ended(this.#graph.takeRecorded());
    const turn = this.#graph.endTurn(this.#parts.clock.now());
    const { answers, failed, rescues, released, forgotten } = turn;
    this.#data.forget(forgotten);
    const send = this.#clients.prepare(turn.orders);
    // Nothing of persistent sessions is told before it is written; what happens meanwhile is of the next turn.
    this.#journal.flush(() => {
      send();
      this.#clients.tellDepartures(turn);
      for (const object of released) this.#data.release(object);
      for (const [object, giver] of rescues) void this.#data.rescue(object, (has) => this.#rescued(giver, object, has));
      for (const answer of answers) this.#answer(answer);
      for (const session of failed) this.#failed(session);
    });
    this.#stopWake?.();
    this.#stopWake = null;
    const at = this.#graph.wakeAt();
    if (at === null) return;
    this.#stopWake = this.#parts.clock.after(Math.max(0, at - this.#parts.clock.now()) + 1, () => this.#handle({ type: 'tick' }));
  }

  #rescued(giver: GraphClient, object: GraphObject, has: boolean): boolean {
    if (this.#closed) return false;
    this.#schedule();
    return this.#graph.rescued(giver.id, object, has);
  }

  #wait(event: (token: number) => GraphEvent, began: (token: number) => void = () => {}): Promise<readonly number[]> {
    const token = ++this.#tokens;
    began(token);
    return new Promise((resolve, reject) => {
      this.#waiting.set(token, { resolve, reject });
      try {
        this.#handle(event(token));
      } catch (error) {
        this.#waiting.delete(token);
        reject(MillraceError.from(error));
      }
    });
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.token);
    this.#waiting.delete(answer.token);
    if ('error' in answer) waiting?.reject(answer.error);
    else waiting?.resolve('finished' in answer ? answer.finished : []);
  }

  #failed(session: GraphSession): void {
    const failure = failureOf(session);
    const seat = this.#seats.of(session);
    if (failure !== null) seat?.link?.peer.notify('graph.failed', { session: session.n, failure });
  }

  #words(client: string, words: readonly (readonly [run: number, value: string | Uint8Array])[]): void {
    const runs = this.#graph.client(client)?.runs;
    const said: Map<Seat, [number, string | Uint8Array][]> = new Map();
    for (const [run, value] of words) {
      const task = runs?.get(run);
      const seat = task === undefined ? null : this.#seats.of(task.session);
      if (seat === null || task === undefined) continue;
      const list = said.get(seat);
      if (list === undefined) said.set(seat, [[task.id, value]]);
      else list.push([task.id, value]);
    }
    for (const [{ link, session }, list] of said) link?.peer.notify('graph.said', { session: session.n, words: list });
  }
}
