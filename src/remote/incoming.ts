/**
 * What the other side of a connection asks for: calls, attributes, batches. Each answer is its own; an error is the answer of its call and of nothing
 * else. Calls run side by side; calls without an answer (oneway) run one after the other, in the order in which they came.
 */
import { MillraceError } from '../base/errors.ts';
import { isThenable } from '../base/thenable.ts';
import type { WireError } from '../protocol/wire-error.ts';
import { BatchAnswer, runBatch, unmade } from './batch-run.ts';
import { callTelling } from './callback-errors.ts';
import { weightOf } from './core/weight.ts';
import { within } from './current-call.ts';
import { onewayWindow } from './oneway-gate.ts';
import { OnewayQueue } from './oneway-queue.ts';
import type { Outbox } from './outbox.ts';
import { Ending, Running } from './running-call.ts';
import type { Target } from './target.ts';
import type { Telling, Told } from './telling.ts';
import type { Values } from './values.ts';

export interface IncomingSetup {
  readonly outbox: Outbox;
  readonly values: Values;
  readonly telling: Telling;
  readonly session: string;
  /** Oneway calls run at once instead of one after the other. */
  readonly onewayThreaded: boolean;
  /** An error of a method that is a callback: it is told on this side too. */
  callbackFailed(error: unknown, method: string): void;
  /** The other side has broken the rules. */
  broken(error: MillraceError): void;
  /** The object of a call. @throws ERR_OBJECT */
  find(object: unknown): Target;
  /** How a result of this side is called, where it crosses by reference. */
  targetOf(result: unknown): Target | undefined;
  /** A stream of this side goes on over this connection. @throws ERR_OBJECT, ERR_PROTOCOL */
  resume(key: unknown, arrived: unknown, granted: unknown): void;
}

/** Bytes of oneway calls that may wait: the window, and one message more of the largest kind. */
const mostOneway = onewayWindow + 17 * 1024 * 1024;

export class Incoming {
  readonly #setup: IncomingSetup;
  /** Calls whose method goes on, by number. */
  readonly #running: Map<number, Running> = new Map();
  readonly #oneways: Set<Running> = new Set();
  readonly #queue: OnewayQueue;
  readonly #ending: Ending = new Ending();

  constructor(setup: IncomingSetup) {
    this.#setup = setup;
    const { outbox, onewayThreaded } = setup;
    const reports = {
      ran: (count: number, stuck: boolean): void => {
        if (!this.#ending.over) outbox.send(['event', 'ran', [count, stuck]]);
      },
      flooded: (): void => setup.broken(new MillraceError('ERR_PROTOCOL', 'it sends more oneway calls than have been done')),
    };
    this.#queue = new OnewayQueue(reports, onewayThreaded, mostOneway);
  }

  /** A request with an answer. */
  answer(id: number, kind: string, params: unknown): void {
    const running = new Running(this.#setup.session, this.#ending);
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
    const running = new Running(this.#setup.session, this.#ending);
    const start = (): unknown => {
      try {
        const result = within(running, () => this.#perform(kind, params, running, false));
        if (!isThenable(result)) return undefined;
        this.#oneways.add(running);
        const over = (): void => void this.#oneways.delete(running);
        return result.then(over, over);
      } catch {
        return undefined;
      }
    };
    const items: unknown = Array.isArray(params) ? params[kind === 'call' ? 2 : 3] : null;
    this.#queue.add(start, weightOf(items));
  }

  /** The other side has to wait with its oneway calls. */
  full(): void {
    this.#queue.full();
  }

  /** The other side gave a call up. */
  abort(id: unknown): void {
    this.#running.get(id as number)?.abort(new MillraceError('ERR_ABORTED', 'the caller does not wait for this call any more'));
  }

  /**
   * The connection is over: every running method is told. Oneway calls that came are made all the same, since their caller does not wait for them, unless it was
   * `here` that it was ended.
   */
  end(here: boolean): void {
    if (here) this.#queue.end();
    const gone = new MillraceError('ERR_CONNECTION_CLOSED', 'the caller of this method is gone');
    for (const running of [...this.#running.values(), ...this.#oneways]) running.abort(gone);
    this.#ending.end();
  }

  #perform(kind: string, params: unknown, running: Running, answered = true): unknown {
    if (!Array.isArray(params)) throw malformed(kind);
    const { values } = this.#setup;
    const [object, name, items, form]: unknown[] = params;
    if (kind === 'resume') return this.#setup.resume(object, name, items);
    const target = this.#found(kind, params);
    if (kind === 'bind') return describe(target);
    if (kind === 'batch')
      return runBatch(params, {
        values,
        telling: this.#setup.telling,
        target,
        call: (on, method, args) => this.#call(on, method, args),
        targetOf: (result) => this.#setup.targetOf(result),
        givenUp: () => answered && running.givenUp,
        within: (body) => within(running, body),
      });
    if (typeof name !== 'string') throw malformed(kind);
    switch (kind) {
      case 'call': {
        const args = values.unpackList(items, form);
        if (!answered || !target.exposure.oneway.has(name)) return this.#call(target, name, args);
        // The caller did not know yet: it is answered at once all the same.
        this.#queue.add(() => swallowed(() => within(running, () => this.#call(target, name, args))), 0);
        return undefined;
      }
      case 'get':
        return target.get(name);
      case 'set':
        return target.set(name, values.unpack(items));
    }
    throw malformed(kind);
  }

  /** What came with a call of nobody is given back like all else: it is stood in for, and collected. */
  #found(kind: string, params: readonly unknown[]): Target {
    const [object, , second, third] = params;
    try {
      return this.#setup.find(object);
    } catch (error) {
      const { values } = this.#setup;
      if (kind === 'call') values.unpackList(second, third);
      else if (kind === 'set') values.unpack(second);
      else if (kind === 'batch') unmade(params, values);
      throw error;
    }
  }

  #call(target: Target, name: string, args: unknown[]): unknown {
    return callTelling(target, name, args, this.#setup.callbackFailed);
  }

  #reply(id: number, kind: string, result: unknown): void {
    const { outbox, values, telling } = this.#setup;
    const answer = result instanceof BatchAnswer ? result : null;
    let told: Told = answer?.told ?? null;
    const failed = (error: unknown): void => {
      telling.takeBack(told);
      this.#refuse(id, error);
    };
    if (this.#ending.over) return;
    telling.record();
    try {
      outbox.answer(['=', id, answer === null ? values.pack(result, `the result of a remote ${kind}`) : answer.parts], failed);
      told ??= telling.told();
    } catch (error) {
      told ??= telling.told();
      failed(error);
    }
  }

  #refuse(id: number, thrown: unknown, again = true): void {
    if (this.#ending.over) return;
    const { outbox, values, telling } = this.#setup;
    let told: Told = null;
    /** An error that is too large itself. */
    const failed = (error: unknown): void => {
      telling.takeBack(told);
      if (again) this.#refuse(id, error, false);
    };
    telling.record();
    try {
      const wire: WireError = { code: 'ERR_REMOTE', message: '', details: { thrown: values.packError(thrown) }, cause: null };
      outbox.answer(['!', id, wire], failed);
      told = telling.told();
    } catch (error) {
      told = telling.told();
      failed(error);
    }
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
