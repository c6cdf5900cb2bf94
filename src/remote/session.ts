/**
 * One connection between two sides of which each may call the other: requests and their answers, what was passed by reference, and its end. A callback
 * comes back over the connection on which it was given; nobody needs to listen for it.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { Message } from '../protocol/messages.ts';
import { fromWireError } from '../protocol/wire-error.ts';
import type { Connection } from '../transport/connection.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';
import type { BatchReply, BatchSending, CallBounds } from './caller.ts';
import { Calls } from './core/calls.ts';
import { markRemote } from './error-nodes.ts';
import { Incoming } from './incoming.ts';
import { Outbox } from './outbox.ts';
import { type ForeignObjects, SessionReferences } from './session-references.ts';
import type { Target } from './target.ts';
import { type Classes, Values } from './values.ts';

export interface SessionSetup extends ForeignObjects {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly classes: Classes;
  readonly onewayThreaded: boolean;
  /** The object of this id, for this session. @throws ERR_OBJECT */
  find(id: string, session: Session): Target;
  /** Called once, last. */
  closed(error: MillraceError | null): void;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Takes back time-out and signal. */
  readonly cleanup: (() => void) | null;
  /** For messages. */
  readonly name: string;
}

/** ms: how often a silent side says that it lives, and how long silence is believed. */
const heartrate = 15_000;
const silence = 60_000;

/** The object of a call: an id of a daemon, or the number of a reference. */
export type ObjectName = string | number;

/** States. *open*. *over*: every open call was rejected with `ERR_CONNECTION_CLOSED`, as each further one is; all references are free. */
export class Session {
  readonly id: string;
  readonly #setup: SessionSetup;
  readonly #outbox: Outbox;
  readonly #calls: Calls<Pending> = new Calls();
  readonly #references: SessionReferences;
  readonly #values: Values;
  readonly #incoming: Incoming;
  readonly #stopHeartbeat: () => void;
  #end: { readonly error: MillraceError | null } | null = null;

  constructor(setup: SessionSetup) {
    const { connection, clock, classes, onewayThreaded } = setup;
    this.id = connection.id;
    this.#setup = setup;
    this.#outbox = new Outbox(connection);
    this.#references = new SessionReferences(this, setup);
    this.#values = new Values(this.#references, classes);
    this.#incoming = new Incoming({
      outbox: this.#outbox,
      values: this.#values,
      session: this.id,
      onewayThreaded,
      find: (object) => this.#find(object),
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
    return this.#end === null;
  }

  /** Things of this side that the other side may still use, and the other way round. */
  get references(): { readonly given: number; readonly got: number } {
    return this.#references.counts;
  }

  call(object: ObjectName, method: string, args: readonly unknown[], bounds: CallBounds): Promise<unknown> {
    return this.#request('call', method, bounds, () => [object, method, ...this.#values.packList(args, 'args')]);
  }

  get(object: ObjectName, name: string, bounds: CallBounds): Promise<unknown> {
    return this.#request('get', name, bounds, () => [object, name]);
  }

  set(object: ObjectName, name: string, value: unknown, bounds: CallBounds): Promise<unknown> {
    return this.#request('set', name, bounds, () => [object, name, this.#values.pack(value, name)]);
  }

  /** `[methods, attributes, oneway, idempotent]` */
  bind(object: ObjectName, bounds: CallBounds): Promise<unknown> {
    return this.#request('bind', String(object), bounds, () => [object]);
  }

  /** No answer comes. Resolves when the connection takes more. */
  async oneway(object: ObjectName, method: string, args: readonly unknown[]): Promise<void> {
    this.#mustBeOpen(method);
    this.#outbox.send(['event', 'call', [object, method, ...this.#values.packList(args, 'args')]]);
    await this.#outbox.free;
  }

  async batch(
    object: ObjectName,
    names: readonly string[],
    picks: readonly number[],
    lists: readonly unknown[][],
    { oneway, continueOnError }: BatchSending,
    bounds: CallBounds,
  ): Promise<BatchReply> {
    const params = (): unknown[] => [object, names, picks, ...this.#values.packList(lists, 'a batch'), continueOnError];
    if (oneway) {
      this.#mustBeOpen('a batch');
      this.#outbox.send(['event', 'batch', params()]);
      await this.#outbox.free;
      return { results: [], errors: new Map() };
    }
    const answer = (await this.#request('batch', 'a batch', bounds, params, true)) as unknown;
    const [items, form, failed]: unknown[] = Array.isArray(answer) ? answer : [];
    if (!Array.isArray(failed)) throw new MillraceError('ERR_PROTOCOL', 'the answer to a batch is malformed');
    const errors = new Map<number, unknown>();
    for (const [place, thrown] of failed as [number, unknown][]) errors.set(place, this.#thrown(thrown, `call ${place} of a batch`));
    return { results: this.#values.unpackList(items, form), errors };
  }

  /** The other side may forget a reference that was heard so often. */
  giveBack(number: number, heard: number): void {
    if (this.open) this.#outbox.send(['event', 'free', [number, heard]]);
  }

  /** Deliver what was sent, then close. */
  close(): void {
    this.#setup.connection.close();
  }

  destroy(error?: MillraceError): void {
    this.#setup.connection.destroy(error);
  }

  #request(kind: string, name: string, bounds: CallBounds, params: () => unknown[], raw = false): Promise<unknown> {
    const { timeout, signal } = bounds;
    return new Promise((resolve, reject) => {
      this.#mustBeOpen(name);
      if (signal?.aborted) throw aborted(name, signal);
      const packed = params();
      const pending: { cleanup: (() => void) | null } & Pending = {
        resolve: raw ? resolve : (wire) => this.#unpacked(wire, resolve, reject),
        reject,
        cleanup: null,
        name,
      };
      const id = this.#calls.add(pending);
      try {
        this.#outbox.send(['?', id, kind, packed], (error) => this.#take(id)?.reject(error));
      } catch (error) {
        this.#calls.take(id);
        throw error;
      }
      if (timeout !== null || signal !== null) pending.cleanup = this.#bound(id, name, timeout, signal);
    });
  }

  #unpacked(wire: unknown, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    try {
      resolve(this.#values.unpack(wire));
    } catch (error) {
      reject(error);
    }
  }

  #mustBeOpen(name: string): void {
    if (this.#end !== null) throw closed(name, this.#end.error);
  }

  #bound(id: number, name: string, timeout: number | null, signal: AbortSignal | null): () => void {
    const giveUp = (error: MillraceError): void => {
      const pending = this.#calls.take(id);
      if (pending === undefined) return;
      pending.cleanup?.();
      this.#outbox.send(['event', 'abort', id]);
      pending.reject(error);
    };
    const late = (): void => giveUp(new MillraceError('ERR_TIMEOUT', `no answer to '${name}' within ${timeout} ms`));
    const onAbort = (): void => giveUp(aborted(name, signal));
    const stopTimer = timeout === null ? null : this.#setup.clock.after(timeout, late);
    signal?.addEventListener('abort', onAbort, { once: true });
    return () => {
      stopTimer?.();
      signal?.removeEventListener('abort', onAbort);
    };
  }

  #take(id: number): Pending | undefined {
    const pending = this.#calls.take(id);
    pending?.cleanup?.();
    return pending;
  }

  #receive(message: Message): void {
    switch (message[0]) {
      case '=':
        this.#take(message[1])?.resolve(message[2]);
        return;
      case '!': {
        const pending = this.#take(message[1]);
        const { thrown } = message[2].details;
        pending?.reject(thrown === undefined ? fromWireError(message[2]) : this.#thrown(thrown, pending.name));
        return;
      }
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

  #event(name: string, value: unknown): void {
    if (name === 'call' || name === 'batch') this.#incoming.oneway(name, value);
    else if (name === 'abort') this.#incoming.abort(value);
    else if (name === 'free' && Array.isArray(value)) this.#references.freed(Number(value[0]), Number(value[1]));
    else this.destroy(new MillraceError('ERR_PROTOCOL', `an event '${name.slice(0, 50)}' is not of remote objects`));
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

  #thrown(wire: unknown, name: string): unknown {
    try {
      const error = this.#values.unpack(wire);
      markRemote(error, name);
      return error;
    } catch (error) {
      return error;
    }
  }

  #close(error: MillraceError | null): void {
    this.#end = { error };
    this.#stopHeartbeat();
    this.#outbox.end();
    for (const pending of this.#calls.takeAll()) {
      pending.cleanup?.();
      pending.reject(closed(pending.name, error));
    }
    this.#incoming.end();
    this.#references.clear();
    this.#setup.closed(error);
  }
}

function closed(name: string, cause: MillraceError | null): MillraceError {
  const why = cause === null ? '' : `: ${cause.message}`;
  return new MillraceError('ERR_CONNECTION_CLOSED', `the connection ended before '${name}' was answered${why}`, {
    ...(cause === null ? {} : { cause }),
  });
}

function aborted(name: string, signal: AbortSignal | null): MillraceError {
  return new MillraceError('ERR_ABORTED', `'${name}' was aborted`, { cause: signal?.reason });
}
