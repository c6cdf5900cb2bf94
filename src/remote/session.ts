/**
 * One connection between two sides of which each may call the other: requests and their answers, what was passed by reference, and its end. A callback
 * comes back over the connection on which it was given; nobody needs to listen for it.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { Message } from '../protocol/messages.ts';
import type { Connection } from '../transport/connection.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';
import { packEach } from './batch-places.ts';
import type { BatchReply, BatchSending, CallBounds } from './caller.ts';
import { isPlain } from './core/plain.ts';
import { Incoming } from './incoming.ts';
import type { Lingering } from './lingering.ts';
import { OnewayGate } from './oneway-gate.ts';
import { Outbox } from './outbox.ts';
import { Outgoing } from './outgoing.ts';
import { type ForeignObjects, SessionReferences } from './session-references.ts';
import { SessionStreams } from './session-streams.ts';
import { plainMarks, type Target } from './target.ts';
import { type Classes, Values } from './values.ts';

export interface SessionSetup extends ForeignObjects {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly classes: Classes;
  readonly onewayThreaded: boolean;
  /** An error of a callback of this side, which is told here too. */
  callbackFailed(error: unknown, method: string): void;
  /** Keeps the streams of this side when the connection is lost. Absent: they end with it. */
  readonly lingering?: Lingering;
  /** The next connection to the same daemon, made when there is none. Absent: streams of the other side end with this one. */
  renew?(): Promise<Session>;
  /** The object of this id, for this session. @throws ERR_OBJECT */
  find(id: string, session: Session): Target;
  /** Called once, last. */
  closed(error: MillraceError | null): void;
}

/** ms: how often a silent side says that it lives, and how long silence is believed. */
const heartrate = 15_000;
const silence = 60_000;

/** The object of a call: an id of a daemon, or the number of a reference. */
export type ObjectName = string | number;

/** States. *open*. *over*: every open call was rejected with `ERR_CONNECTION_CLOSED`, as each further one is; all references are free. */
export class Session {
  readonly id: string;
  readonly streams: SessionStreams;
  readonly #setup: SessionSetup;
  readonly #outbox: Outbox;
  readonly #gate: OnewayGate;
  readonly #outgoing: Outgoing;
  readonly #references: SessionReferences;
  readonly #values: Values;
  readonly #incoming: Incoming;
  readonly #stopHeartbeat: () => void;
  #endedHere = false;

  constructor(setup: SessionSetup) {
    const { connection, clock, classes, onewayThreaded } = setup;
    this.id = connection.id;
    this.#setup = setup;
    this.#outbox = new Outbox(connection);
    this.#gate = new OnewayGate(this.#outbox);
    this.streams = this.#openStreams();
    this.#references = new SessionReferences(this, setup, this.streams);
    this.#values = new Values(this.#references, classes);
    this.#outgoing = new Outgoing(this.#gate, this.#values, this.#references, clock);
    this.#incoming = new Incoming({
      outbox: this.#outbox,
      values: this.#values,
      telling: this.#references,
      session: this.id,
      onewayThreaded,
      callbackFailed: setup.callbackFailed,
      broken: (error) => this.destroy(error),
      find: (object) => this.#find(object),
      targetOf: (result) => this.#references.targetOf(result),
      resume: (key, arrived, granted) => this.streams.resume(key, arrived, granted),
    });
    this.#stopHeartbeat = watchHeartbeat(connection, {
      heartrate,
      limit: silence,
      clock,
      onSilent: () => connection.destroy(new MillraceError('ERR_CONNECTION_CLOSED', 'the other side fell silent')),
    });
    connection.start({
      message: (message) => this.#receive(message),
      closed: (error) => this.#close(error),
      drained: () => this.#outbox.drained(),
    });
  }

  get open(): boolean {
    return this.#outgoing.open;
  }

  /** Things of this side that the other side may still use, and the other way round. */
  get references(): { readonly given: number; readonly got: number } {
    return this.#references.counts;
  }

  call(object: ObjectName, method: string, args: readonly unknown[], bounds: CallBounds): Promise<unknown> {
    return this.#outgoing.request('call', method, bounds, () => [object, method, ...this.#values.packList(args, 'args')]);
  }

  get(object: ObjectName, name: string, bounds: CallBounds): Promise<unknown> {
    return this.#outgoing.request('get', name, bounds, () => [object, name]);
  }

  set(object: ObjectName, name: string, value: unknown, bounds: CallBounds): Promise<unknown> {
    return this.#outgoing.request('set', name, bounds, () => [object, name, this.#values.pack(value, name)]);
  }

  /** `[methods, attributes, oneway, idempotent]` */
  bind(object: ObjectName, bounds: CallBounds): Promise<unknown> {
    return this.#outgoing.request('bind', String(object), bounds, () => [object]);
  }

  /** No answer comes. Resolves when the other side has taken enough of those before it, and the connection takes more. */
  async oneway(object: ObjectName, method: string, args: readonly unknown[]): Promise<void> {
    this.#outgoing.mustBeOpen(method);
    await this.#told(() => this.#gate.oneway('call', [object, method, ...this.#values.packList(args, 'args')]));
  }

  async batch(
    object: ObjectName,
    names: readonly string[],
    picks: readonly number[],
    lists: readonly unknown[][],
    { oneway, continueOnError, depends }: BatchSending,
    bounds: CallBounds,
  ): Promise<BatchReply> {
    const params = (): unknown[] => [object, names, picks, ...this.#packCalls(lists, depends, continueOnError)];
    if (oneway) {
      this.#outgoing.mustBeOpen('a batch');
      await this.#told(() => this.#gate.oneway('batch', params()));
      return { results: [], errors: new Map() };
    }
    const answer = (await this.#outgoing.request('batch', 'a batch', bounds, params, true)) as unknown;
    const [items, form, failed]: unknown[] = Array.isArray(answer) ? answer : [];
    if (!Array.isArray(failed)) throw new MillraceError('ERR_PROTOCOL', 'the answer to a batch is malformed');
    const errors = new Map<number, unknown>();
    for (const [place, thrown] of failed as [number, unknown][])
      errors.set(place, this.#outgoing.thrown(thrown, `call ${place} of a batch`));
    return { results: this.#values.unpackList(items, form), errors };
  }

  #told<T>(send: () => T): T {
    this.#references.record();
    try {
      const sent = send();
      this.#references.told();
      return sent;
    } catch (error) {
      this.#references.takeBack(this.#references.told());
      throw error;
    }
  }

  /** All arguments as one list; or, where calls depend on others, those of each for itself, since they are made of results then. */
  #packCalls(lists: readonly unknown[][], depends: BatchSending['depends'], goOn: boolean): unknown[] {
    const values = this.#values;
    if (depends === undefined) return [...values.packList(lists, 'a batch'), goOn];
    const { batch, on } = depends;
    const stays = plainMarks();
    if (on === null && lists.every((list) => isPlain(list, stays))) return [lists, 0, goOn];
    const packed = packEach(batch, lists.length, (at) => values.packList(lists[at]!, `call ${at} of a batch`));
    return [packed, 0, goOn, on ?? lists.map(() => -1)];
  }

  /** The other side may forget a reference that was heard so often. */
  giveBack(number: number, heard: number): void {
    if (this.open) this.#outbox.send(['event', 'free', [number, heard]]);
  }

  /** Deliver what was sent, then close. */
  close(): void {
    this.#endedHere = true;
    this.#setup.connection.close();
  }

  destroy(error?: MillraceError): void {
    this.#endedHere = true;
    this.#setup.connection.destroy(error);
  }

  #receive(message: Message): void {
    switch (message[0]) {
      case '=':
        this.#outgoing.answered(message[1], message[2]);
        return;
      case '!':
        this.#outgoing.refused(message[1], message[2]);
        return;
      case '?':
        this.#incoming.answer(message[1], message[2], message[3]);
        return;
      case 'event':
        this.#event(message[1], message[2]);
        return;
      case 'heartbeat':
        return;
    }
    this.destroy(
      new MillraceError('ERR_PROTOCOL', `a message '${message[0]}' is not of remote objects: is this the address of a task server?`),
    );
  }

  /** Whatever an event holds, what it breaks is the connection of who sent it. */
  #event(name: string, value: unknown): void {
    try {
      this.#follow(name, value);
    } catch (error) {
      this.destroy(MillraceError.from(error, 'ERR_PROTOCOL'));
    }
  }

  #follow(name: string, value: unknown): void {
    const [first, second]: unknown[] = Array.isArray(value) ? value : [];
    const numbers = typeof first === 'number' && typeof second === 'number';
    if (name === 'call' || name === 'batch') this.#incoming.oneway(name, value);
    else if (name === 'abort') this.#incoming.abort(value);
    else if (name === 'items' || name === 'end' || name === 'grant' || name === 'quit') this.streams.event(name, value);
    else if (name === 'ran' && typeof first === 'number') this.#gate.ran(first, second === true);
    else if (name === 'full') this.#incoming.full();
    else if (name === 'free' && numbers) this.#references.freed(first, second);
    else throw new MillraceError('ERR_PROTOCOL', `an event '${name.slice(0, 50)}' is not of remote objects`);
  }

  #openStreams(): SessionStreams {
    const { lingering = null, renew = null } = this.#setup;
    return new SessionStreams({
      send: (name, value, failed) => {
        if (this.open) this.#outbox.send(['event', name, value], failed);
      },
      values: () => this.#values,
      telling: () => this.#references,
      thrown: (wire) => this.#outgoing.thrown(wire, 'a stream'),
      lingering,
      renew: renew === null ? null : async () => (await renew()).streams,
      resume: (key, arrived, granted) =>
        this.#outgoing.request('resume', 'a stream', { timeout: null, signal: null }, () => [key, arrived, granted]),
    });
  }

  #find(object: unknown): Target {
    if (typeof object === 'string') return this.#setup.find(object, this);
    const target = this.#references.find(Number(object));
    if (target !== undefined) return target;
    throw new MillraceError(
      'ERR_OBJECT',
      'the callback or object that was passed by reference is free already: nobody may call it any more',
    );
  }

  #close(error: MillraceError | null): void {
    this.#stopHeartbeat();
    this.#gate.end();
    this.#outbox.end();
    this.#outgoing.end(error);
    this.#incoming.end(this.#endedHere);
    this.#references.clear();
    this.streams.end(error);
    this.#setup.closed(error);
  }
}
