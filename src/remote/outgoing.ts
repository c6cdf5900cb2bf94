/** What this side asks of the other: each request waits here for its answer, bounded by time and signal. An answer that nobody waits for is thrown away. */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { fromWireError, type WireError } from '../protocol/wire-error.ts';
import { abortedError, boundCall } from '../transport/call-bounds.ts';
import type { CallBounds } from './caller.ts';
import { Calls } from './core/calls.ts';
import { markRemote } from './error-nodes.ts';
import type { OnewayGate } from './oneway-gate.ts';
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
  readonly #calls: Calls<Pending> = new Calls();
  #end: { readonly error: MillraceError | null } | null = null;

  constructor(gate: OnewayGate, values: Values, clock: Clock) {
    this.#gate = gate;
    this.#values = values;
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
      const packed = params();
      const pending: Pending = {
        resolve: raw ? resolve : (wire) => this.#unpacked(wire, resolve, reject),
        reject,
        cleanup: null,
        name,
      };
      const id = this.#calls.add(pending);
      try {
        this.#gate.send(['?', id, kind, packed], (error) => this.#take(id)?.reject(error));
        // Of many calls at once, all but the first travel together.
        if (this.#calls.size === 1) this.#gate.flush();
      } catch (error) {
        this.#calls.take(id);
        throw error;
      }
      if (timeout !== null || signal !== null)
        pending.cleanup = boundCall(this.#clock, name, { timeout, signal }, (error) => this.#giveUp(id, error));
    });
  }

  answered(id: number, wire: unknown): void {
    this.#take(id)?.resolve(wire);
  }

  refused(id: number, wire: WireError): void {
    const pending = this.#take(id);
    const { thrown } = wire.details;
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
    for (const pending of this.#calls.takeAll()) {
      pending.cleanup?.();
      pending.reject(closed(pending.name, error));
    }
  }

  #giveUp(id: number, error: MillraceError): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    this.#gate.send(['event', 'abort', id]);
    pending.reject(error);
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
