/** The clients as the graph sees them: who is there, over which connection, and what they are told and tell. */
import type { Clock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { ClientOrders, GraphEvent, GraphTurn } from '../../graph/effects.ts';
import type { GraphCapacity, GraphClient, GraphObject } from '../../graph/entities.ts';
import { type ClientGraphEvent, checkClientEvent, type WireEnd, type WireOrders } from '../../protocol/graph-work.ts';
import type { Link } from '../link.ts';
import { Letters, nothing } from './letters.ts';
import { runEnd, wireOrders } from './orders.ts';

/** About so many runs, or 256 KB, go into a message; of what one run has more of, so many bytes (others are asked for). */
const mostRuns = 1_000;
const mostAlong = 4 * 2 ** 20;

interface Member {
  /** null: its connection is gone, and it has a while to come back. */
  link: Link | null;
  /** Of that connection. */
  letters: Letters | null;
  stopGrace: (() => void) | null;
  /** The last message of ends that came over this connection, and the last that was answered. */
  heard: number;
  answered: number;
}

export interface ClientsParts {
  readonly clock: Clock;
  /** ms that a client without a connection may take to come back. */
  readonly grace: number;
  handle(event: GraphEvent): void;
  door(client: string, value: Parameters<typeof checkClientEvent>[1] | null): void;
  words(client: string, words: readonly (readonly [run: number, value: string | Uint8Array])[]): void;
  small(object: GraphObject): Uint8Array | null;
}

export class GraphClients {
  readonly #parts: ClientsParts;
  readonly #members: Map<string, Member> = new Map();
  /** Those whose ends are to be answered. */
  readonly #unanswered: Set<Member> = new Set();
  /** Ends of which more are to come before the rest of what a client holds. */
  readonly #begun: WeakMap<Link, readonly WireEnd[]> = new WeakMap();

  constructor(parts: ClientsParts) {
    this.#parts = parts;
  }

  linkOf(client: GraphClient): Link | null {
    return this.#members.get(client.id)?.link ?? null;
  }

  /** One that worked for persistent sessions before this server was started: it may come back within `patience` (ms). */
  await(id: string, patience: number): void {
    const stopGrace = this.#parts.clock.after(patience, () => this.left(id));
    this.#members.set(id, { link: null, letters: null, stopGrace, heard: 0, answered: 0 });
  }

  /** A client that was connected before there were graphs: it has nothing of them. */
  join(link: Link): void {
    const { id, client: offered } = link.connection.peer;
    if (offered === undefined || this.#members.has(id)) return;
    this.#members.set(id, { link, letters: this.#lettersTo(link), stopGrace: null, heard: 0, answered: 0 });
    this.#parts.handle({ type: 'client-joined', id, capacity: capacityOf(offered) });
  }

  disconnected(link: Link): void {
    const { id } = link.connection.peer;
    const member = this.#members.get(id);
    if (member?.link !== link) return;
    member.link = null;
    member.letters = null;
    this.#unanswered.delete(member);
    this.#parts.handle({ type: 'client-offline', id });
    member.stopGrace = this.#parts.clock.after(this.#parts.grace, () => this.left(id));
  }

  /** The queue has given up the client of this connection for its silence. One that is here by another connection stays. */
  gaveUp(link: Link): void {
    const { id } = link.connection.peer;
    if (this.#members.get(id)?.link === link) this.left(id);
  }

  /** It said goodbye, or did not come back. */
  left(id: string): void {
    this.#members.get(id)?.stopGrace?.();
    if (!this.#members.delete(id)) return;
    this.#parts.door(id, null);
    this.#parts.handle({ type: 'client-left', id });
  }

  /** @throws ERR_PROTOCOL */
  receive(link: Link, name: ClientGraphEvent, value: unknown): void {
    const { id } = link.connection.peer;
    if (name === 'graph.held') {
      this.#held(link, id, value);
      return;
    }
    const member = this.#members.get(id);
    if (member?.link !== link) throw new MillraceError('ERR_PROTOCOL', `a client says '${name}' before it said what it holds`);
    switch (name) {
      case 'graph.ended': {
        const { sequence, ends } = checkClientEvent(name, value);
        member.heard = sequence;
        this.#unanswered.add(member);
        this.#parts.handle({ type: 'ended', client: id, ends: ends.map(runEnd) });
        return;
      }
      case 'graph.back':
        this.#parts.handle({ type: 'given-back', client: id, runs: checkClientEvent(name, value).runs });
        return;
      case 'graph.begun':
        this.#parts.handle({ type: 'begun', client: id, runs: checkClientEvent(name, value).runs });
        return;
      case 'graph.took':
        this.#parts.handle({ type: 'took', client: id, ...checkClientEvent(name, value) });
        return;
      case 'graph.leaving':
        this.#parts.handle({ type: 'client-closing', id });
        return;
      case 'graph.door':
        this.#parts.door(id, checkClientEvent(name, value));
        return;
      case 'graph.words':
        this.#parts.words(id, checkClientEvent(name, value).words);
    }
  }

  /** What the turn decided, and answers to ends: the call tells them, each over the connection that there is now, or not at all. */
  prepare(orders: readonly ClientOrders[]): () => void {
    const all: [id: string, letters: Letters, orders: WireOrders][] = [];
    for (const order of orders) {
      const { id } = order.client;
      const member = this.#members.get(id);
      if (member?.letters == null) continue;
      const { letters } = member;
      this.#unanswered.delete(member);
      member.answered = member.heard;
      // A constant goes with the first task of a turn that reads it: the client has it as long as it has that one.
      const gone = new Set<GraphObject>();
      let room = 0;
      const bytesOf = (object: GraphObject): Uint8Array | null => {
        if (!object.constant || gone.has(object)) return null;
        const bytes = this.#parts.small(object);
        // What one task has too much of is asked for, as large ones are.
        if (bytes === null || bytes.length > room) return null;
        gone.add(object);
        room -= bytes.length;
        return bytes;
      };
      for (const part of cut(order)) {
        room = mostAlong;
        all.push([id, letters, wireOrders(part, member.answered, bytesOf)]);
      }
    }
    for (const member of this.#unanswered) {
      member.answered = member.heard;
      if (member.link === null || member.letters === null) continue;
      all.push([member.link.connection.peer.id, member.letters, { ...nothing, acknowledged: member.answered }]);
    }
    this.#unanswered.clear();
    return () => {
      for (const [id, letters, orders] of all) if (this.#members.get(id)?.letters === letters) letters.send('graph.orders', orders);
    };
  }

  /** Of clients that leave: what others are to take from them, and who may go. */
  tellDepartures({ takes, freed }: Pick<GraphTurn, 'takes' | 'freed'>): void {
    for (const [client, objects] of takes)
      this.#lettersOf(client)?.send('graph.take', { objects: objects.map(({ n, size }): [number, number] => [n, size]) });
    for (const client of freed) this.#lettersOf(client)?.send('graph.free', {});
  }

  close(): void {
    for (const { stopGrace } of this.#members.values()) stopGrace?.();
  }

  #lettersOf(client: GraphClient): Letters | null {
    return this.#members.get(client.id)?.letters ?? null;
  }

  #lettersTo({ peer, connection }: Link): Letters {
    const { handle } = this.#parts;
    return new Letters(peer, (run, { code, message }) => {
      const failure = {
        code,
        message: `with its inputs, outputs and their attributes the task is too much to tell a client: ${message}`,
        debug: '',
        stderr: '',
      };
      handle({ type: 'ended', client: connection.peer.id, ends: [{ run, failure, startedAt: null, durationMs: null }] });
    });
  }

  #held(link: Link, id: string, value: unknown): void {
    const { sequence, ends: told, runs, objects, claims = [], more = false } = checkClientEvent('graph.held', value);
    const ends = [...(this.#begun.get(link) ?? []), ...told];
    if (more) {
      this.#begun.set(link, ends);
      return;
    }
    this.#begun.delete(link);
    const known = this.#members.get(id);
    if (known === undefined) this.join(link);
    const member = this.#members.get(id);
    if (member === undefined) return;
    if (known !== undefined && known.link !== null && known.link !== link) this.#parts.handle({ type: 'client-offline', id });
    member.stopGrace?.();
    member.stopGrace = null;
    if (member.link !== link) member.letters = this.#lettersTo(link);
    member.link = link;
    member.heard = sequence;
    if (ends.length > 0) this.#unanswered.add(member);
    const { client: offered } = link.connection.peer;
    const capacity = offered === undefined ? {} : { capacity: capacityOf(offered) };
    this.#parts.handle({ type: 'client-resumed', id, ends: ends.map(runEnd), runs, objects, claims, ...capacity });
  }
}

function capacityOf({ slots, cores, memory, resources }: GraphCapacity): GraphCapacity {
  return { slots, cores, memory, resources };
}

/** A turn's orders in messages of a bounded size: all that is not a run is in the first. */
function* cut(orders: ClientOrders): Iterable<ClientOrders> {
  const { run, client } = orders;
  const counted = new Set<GraphObject>();
  const sizeOf = (object: GraphObject): number => {
    if (!object.constant || client.held.has(object.n) || counted.has(object)) return 0;
    counted.add(object);
    return Math.min(object.size, 65_536);
  };
  let at = 0;
  let first = true;
  do {
    let weight = 0;
    const from = at;
    while (at < run.length && weight < mostRuns) {
      const { inputs, spec } = run[at++]!;
      weight += 1 + inputs.length / 8 + (spec[2]?.length ?? 0) / 256 + inputs.reduce((sum, object) => sum + sizeOf(object), 0) / 256;
    }
    const part = run.slice(from, at);
    yield first ? { ...orders, run: part } : { client: orders.client, refused: [], cancel: [], drop: [], run: part, forget: [], recall: 0 };
    first = false;
  } while (at < run.length);
}
