/** What this side asks of the other: each request waits here for its answer, bounded by time and signal. An answer that nobody waits for is thrown away. */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { fromWireError, type WireError } from '../protocol/wire-error.ts';
import { abortedError, boundCall } from '../transport/call-bounds.ts';
import type { CallBounds } from './caller.ts';
import { Calls } from './core/calls.ts';
import { markRemote } from './error-nodes.ts';
import type { OnewayGate } from './oneway-gate.ts';
import type { Telling, Told } from './telling.ts';
import type { Values } from './values.ts';

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Takes back time-out and signal. */
  cleanup: (() => void) | null;
  /** For messages. */
  readonly name: string;
}

/** States. *open*. *over* (`end`): every open request was rejected with `ERR_CONNECTION_CLOSED`, as each further one is. */
export class Outgoing {
  readonly #gate: OnewayGate;
  readonly #values: Values;
  readonly #clock: Clock;
  readonly #telling: Telling;
  readonly #calls: Calls<Pending> = new Calls();
  /** Calls whose answer nobody waits for any more, though it comes: whether it is raw. */
  readonly #givenUp: Map<number, boolean> = new Map();
  #end: { readonly error: MillraceError | null } | null = null;

  constructor(gate: OnewayGate, values: Values, telling: Telling, clock: Clock) {
    this.#gate = gate;
    this.#values = values;
    this.#telling = telling;
    this.#clock = clock;
  }

  get open(): boolean {
    return this.#end === null;
  }

  /** @throws ERR_CONNECTION_CLOSED */
  mustBeOpen(name: string): void {
    if (this.#end !== null) throw closed(name, this.#end.error);
  }

  /** `raw`: the answer as it came. */
  request(kind: string, name: string, { timeout, signal }: CallBounds, params: () => unknown[], raw = false): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.mustBeOpen(name);
      if (signal?.aborted) throw abortedError(name, signal);
      let id = 0;
      let told: Told = null;
      this.#telling.record();
      try {
        const packed = params();
        const pending: Pending = {
          resolve: raw ? resolve : (wire) => this.#unpacked(wire, resolve, reject),
          reject,
          cleanup: null,
          name,
        };
        id = this.#calls.add(pending);
        this.#gate.send(['?', id, kind, packed], (error) => {
          this.#telling.takeBack(told);
          this.#take(id)?.reject(error);
        });
        told = this.#telling.told();
        // Of many calls at once, all but the first travel together.
        if (this.#calls.size === 1) this.#gate.flush();
        if (timeout !== null || signal !== null)
          pending.cleanup = boundCall(this.#clock, name, { timeout, signal }, (error) => this.#giveUp(id, error, raw));
      } catch (error) {
        this.#calls.take(id);
        this.#telling.takeBack(this.#telling.told());
        throw error;
      }
    });
  }

  answered(id: number, wire: unknown): void {
    const pending = this.#take(id);
    if (pending !== undefined) pending.resolve(wire);
    else this.#late(id, wire);
  }

  refused(id: number, wire: WireError): void {
    const pending = this.#take(id);
    const { thrown } = wire.details;
    if (pending === undefined && this.#givenUp.delete(id) && thrown !== undefined) this.thrown(thrown, '');
    pending?.reject(thrown === undefined ? fromWireError(wire) : this.thrown(thrown, pending.name));
  }

  /** What the other side threw. */
  thrown(wire: unknown, name: string): unknown {
    try {
      const error = this.#values.unpack(wire);
      markRemote(error, name);
      return error;
    } catch (error) {
      return error;
    }
  }

  end(error: MillraceError | null): void {
    this.#end = { error };
    this.#givenUp.clear();
    for (const pending of this.#calls.takeAll()) {
      pending.cleanup?.();
      pending.reject(closed(pending.name, error));
    }
  }

  #giveUp(id: number, error: MillraceError, raw: boolean): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    this.#givenUp.set(id, raw);
    this.#gate.send(['event', 'abort', id]);
    pending.reject(error);
  }

  /** What an answer brings by reference that nobody waits for is given back when it is collected, a stream of it closed. */
  #late(id: number, wire: unknown): void {
    const raw = this.#givenUp.get(id);
    if (raw === undefined) return;
    this.#givenUp.delete(id);
    try {
      if (raw && Array.isArray(wire)) this.#values.unpackList(wire[0], wire[1]);
      else this.#values.unpack(wire);
    } catch {
      // Nobody is there to hear it.
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#calls.take(id);
    pending?.cleanup?.();
    return pending;
  }

  #unpacked(wire: unknown, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    try {
      resolve(this.#values.unpack(wire));
    } catch (error) {
      reject(error);
    }
  }
}

function closed(name: string, cause: MillraceError | null): MillraceError {
  const why = cause === null ? '' : `: ${cause.message}`;
  return new MillraceError('ERR_CONNECTION_CLOSED', `the connection ended before '${name}' was answered${why}`, {
    ...(cause === null ? {} : { cause }),
  });
}
