/**
 * What the other side of a connection asks for: calls, attributes, batches. Each answer is its own; an error is the answer of its call and of nothing
 * else. Calls run side by side; calls without an answer (oneway) run one after the other, in the order in which they came.
 */
import { MillraceError } from '../base/errors.ts';
import type { WireError } from '../protocol/wire-error.ts';
import type { CurrentCall } from './current-call.ts';
import { within } from './current-call.ts';
import type { Outbox } from './outbox.ts';
import type { Target } from './target.ts';
import type { Values } from './values.ts';

export interface IncomingSetup {
  readonly outbox: Outbox;
  readonly values: Values;
  readonly session: string;
  /** Oneway calls run at once instead of one after the other. */
  readonly onewayThreaded: boolean;
  /** The object of a call. @throws ERR_OBJECT */
  find(object: unknown): Target;
}

class Running implements CurrentCall {
  readonly session: string;
  #controller: AbortController | null = null;
  #reason: MillraceError | null = null;

  constructor(session: string) {
    this.session = session;
  }

  /** Made when a method asks for it: most do not. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== null) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: MillraceError): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason);
  }
}

export class Incoming {
  readonly #setup: IncomingSetup;
  /** Calls whose method goes on, by number. */
  readonly #running: Map<number, Running> = new Map();
  readonly #oneways: Set<Running> = new Set();
  #queue: (() => unknown)[] = [];
  #begun = 0;
  #busy = false;
  #over = false;

  constructor(setup: IncomingSetup) {
    this.#setup = setup;
  }

  /** A request with an answer. */
  answer(id: number, kind: string, params: unknown): void {
    const running = new Running(this.#setup.session);
    let result: unknown;
    try {
      result = within(running, () => this.#perform(kind, params, running));
    } catch (error) {
      this.#refuse(id, error);
      return;
    }
    if (!isThenable(result)) {
      this.#reply(id, kind, result);
      return;
    }
    this.#running.set(id, running);
    result.then(
      (value) => {
        this.#running.delete(id);
        this.#reply(id, kind, value);
      },
      (error: unknown) => {
        this.#running.delete(id);
        this.#refuse(id, error);
      },
    );
  }

  /** A request without one: nobody hears of its errors. */
  oneway(kind: string, params: unknown): void {
    const running = new Running(this.#setup.session);
    const start = (): unknown => {
      try {
        const result = within(running, () => this.#perform(kind, params, running));
        if (!isThenable(result)) return undefined;
        this.#oneways.add(running);
        const over = (): void => void this.#oneways.delete(running);
        return result.then(over, over);
      } catch {
        return undefined;
      }
    };
    this.#inOrder(start);
  }

  /** The other side gave a call up. */
  abort(id: unknown): void {
    this.#running.get(id as number)?.abort(new MillraceError('ERR_ABORTED', 'the caller does not wait for this call any more'));
  }

  /** The connection is over: every running method is told, what has not begun does not. */
  end(): void {
    this.#over = true;
    this.#queue = [];
    const gone = new MillraceError('ERR_CONNECTION_CLOSED', 'the caller of this method is gone');
    for (const running of [...this.#running.values(), ...this.#oneways]) running.abort(gone);
  }

  #inOrder(start: () => unknown): void {
    if (this.#setup.onewayThreaded) {
      start();
      return;
    }
    this.#queue.push(start);
    this.#startNext();
  }

  #startNext(): void {
    while (!this.#busy && this.#begun < this.#queue.length) {
      const result = this.#queue[this.#begun++]!();
      if (!isThenable(result)) continue;
      this.#busy = true;
      const next = (): void => {
        this.#busy = false;
        this.#startNext();
      };
      result.then(next, next);
    }
    if (this.#begun < this.#queue.length) return;
    this.#queue = [];
    this.#begun = 0;
  }

  #perform(kind: string, params: unknown, running: Running): unknown {
    if (!Array.isArray(params)) throw malformed(kind);
    const { values } = this.#setup;
    const [object, name, items, form]: unknown[] = params;
    const target = this.#setup.find(object);
    if (kind === 'bind') return describe(target);
    if (kind === 'batch') return this.#batch(target, params, running);
    if (typeof name !== 'string') throw malformed(kind);
    switch (kind) {
      case 'call': {
        const args = values.unpackList(items, form);
        if (!target.exposure.oneway.has(name)) return target.call(name, args);
        // The caller did not know yet: it is answered at once all the same.
        this.#inOrder(() => swallowed(() => within(running, () => target.call(name, args))));
        return undefined;
      }
      case 'get':
        return target.get(name);
      case 'set':
        return target.set(name, values.unpack(items));
    }
    throw malformed(kind);
  }

  /** `[object, names, picks, lists of arguments, form, continueOnError]` → `[results, form, [[place, error]…]]`. */
  #batch(target: Target, params: readonly unknown[], running: Running): unknown {
    const [, names, picks, items, form, goOn] = params;
    const { values } = this.#setup;
    const lists = values.unpackList(items, form);
    if (!Array.isArray(names) || !Array.isArray(picks) || picks.length !== lists.length) throw malformed('batch');
    const results: unknown[] = [];
    const errors: [number, unknown][] = [];
    const failed = (error: unknown): boolean => {
      errors.push([results.length, values.packError(error)]);
      results.push(null);
      return goOn !== true;
    };
    const finish = (): BatchAnswer => {
      try {
        return new BatchAnswer([...values.packList(results, 'the results of a batch'), errors]);
      } catch {
        return new BatchAnswer([...values.packList(this.#crossing(results, errors), 'the results of a batch'), errors]);
      }
    };
    /** Goes on until a call has to be waited for. */
    const run = (from: number): BatchAnswer | Promise<BatchAnswer> => {
      for (let at = from; at < lists.length; at += 1) {
        let result: unknown;
        try {
          const name: unknown = names[picks[at] as number];
          const args = lists[at];
          if (typeof name !== 'string' || !Array.isArray(args)) throw malformed('batch');
          result = target.call(name, args);
        } catch (error) {
          if (failed(error)) break;
          continue;
        }
        if (!isThenable(result)) results.push(result);
        else
          return Promise.resolve(result).then(
            (value) => {
              results.push(value);
              return within(running, () => run(at + 1));
            },
            (error: unknown) => (failed(error) ? finish() : within(running, () => run(at + 1))),
          );
      }
      return finish();
    };
    return run(0);
  }

  /** One result that cannot cross is the error of its own call. */
  #crossing(results: readonly unknown[], errors: [number, unknown][]): unknown[] {
    const { values } = this.#setup;
    return results.map((result, place) => {
      try {
        values.packList([result], 'a result');
        return result;
      } catch (error) {
        errors.push([place, values.packError(error)]);
        return null;
      }
    });
  }

  #reply(id: number, kind: string, result: unknown): void {
    if (this.#over) return;
    const { outbox, values } = this.#setup;
    const failed = (error: unknown): void => this.#refuse(id, error);
    try {
      outbox.answer(
        ['=', id, result instanceof BatchAnswer ? result.parts : values.pack(result, `the result of a remote ${kind}`)],
        failed,
      );
    } catch (error) {
      failed(error);
    }
  }

  #refuse(id: number, thrown: unknown): void {
    if (this.#over) return;
    const { outbox, values } = this.#setup;
    const wire = (error: unknown): WireError => ({
      code: 'ERR_REMOTE',
      message: '',
      details: { thrown: values.packError(error) },
      cause: null,
    });
    /** An error that is too large itself. */
    const failed = (error: unknown): void => outbox.answer(['!', id, wire(error)], () => {});
    try {
      outbox.answer(['!', id, wire(thrown)], failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** Tells the parts of a batch's answer, which are packed already, from a result. */
class BatchAnswer {
  readonly parts: readonly unknown[];

  constructor(parts: readonly unknown[]) {
    this.parts = parts;
  }
}

function describe({ exposure }: Target): unknown {
  return [[...exposure.methods], [...exposure.attributes], [...exposure.oneway], [...exposure.idempotent]];
}

function malformed(kind: string): MillraceError {
  return new MillraceError('ERR_PROTOCOL', `a request '${kind.slice(0, 50)}' to a remote object is malformed`);
}

function swallowed(body: () => unknown): unknown {
  try {
    return body();
  } catch {
    return undefined;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
