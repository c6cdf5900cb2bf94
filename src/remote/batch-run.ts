/**
 * A batch on the side that makes its calls: one after the other, each on the object of the batch or on what an earlier call of it gave, with results of
 * earlier calls among its arguments. One that depends on a call that failed is not made, and says on which.
 */
import { MillraceError, reasonOf } from '../base/errors.ts';
import { isThenable } from '../base/thenable.ts';
import type { Target } from './target.ts';
import type { Telling, Told } from './telling.ts';
import type { Values } from './values.ts';

export interface BatchSetup {
  readonly values: Values;
  readonly telling: Telling;
  /** The object of the batch. */
  readonly target: Target;
  call(target: Target, name: string, args: unknown[]): unknown;
  /** How a result is called; undefined: it is none that is passed by reference. */
  targetOf(result: unknown): Target | undefined;
  /** Nobody waits for the answer any more: what has not begun is not made. */
  givenUp(): boolean;
  /** Runs `body` as (the beginning of) the call that the batch is. */
  within<T>(body: () => T): T;
}

/** Tells the parts of a batch's answer, which are packed already, from a result. */
export class BatchAnswer {
  readonly parts: readonly unknown[];
  readonly told: Told;

  constructor(parts: readonly unknown[], told: Told) {
    this.parts = parts;
    this.told = told;
  }
}

/** `params`: `[object, names, picks, lists, form, continueOnError, on]`; `on`: the call on whose result each is made, -1: on the object. @throws ERR_PROTOCOL */
export function runBatch(params: readonly unknown[], setup: BatchSetup): BatchAnswer | Promise<BatchAnswer> {
  return new BatchRun(params, setup).run(0);
}

/** Calls that are not made, from this one on: what their arguments pass by reference is heard all the same, so that it is given back. @throws ERR_PROTOCOL */
export function unmade([, , , lists, form, , on]: readonly unknown[], values: Values, from = 0): void {
  if (!Array.isArray(lists)) throw malformed();
  if (!Array.isArray(on)) values.unpackList(lists, form);
  else for (const list of lists.slice(from)) if (Array.isArray(list)) values.unpackWith(list[0], list[1], () => null);
}

class BatchRun {
  readonly #setup: BatchSetup;
  readonly #params: readonly unknown[];
  readonly #names: readonly unknown[];
  readonly #picks: readonly unknown[];
  readonly #lists: readonly unknown[];
  /** Null: no call depends on another, and all arguments are at hand. */
  readonly #on: readonly unknown[] | null;
  readonly #goOn: boolean;
  readonly #results: unknown[] = [];
  readonly #thrown: Map<number, unknown> = new Map();

  constructor(params: readonly unknown[], setup: BatchSetup) {
    const [, names, picks, items, form, goOn, on] = params;
    this.#setup = setup;
    this.#params = params;
    this.#on = Array.isArray(on) ? on : null;
    const lists = this.#on === null ? setup.values.unpackList(items, form) : items;
    if (!Array.isArray(names) || !Array.isArray(picks) || !Array.isArray(lists) || picks.length !== lists.length) throw malformed();
    this.#names = names;
    this.#picks = picks;
    this.#lists = lists;
    this.#goOn = goOn === true;
  }

  /** Goes on until a call has to be waited for. */
  run(from: number): BatchAnswer | Promise<BatchAnswer> {
    for (let at = from; at < this.#lists.length; at += 1) {
      if (this.#setup.givenUp()) break;
      let result: unknown;
      try {
        result = this.#make(at);
      } catch (error) {
        if (this.#failed(error)) break;
        continue;
      }
      if (!isThenable(result)) this.#results.push(result);
      else
        return Promise.resolve(result).then(
          (value) => {
            this.#results.push(value);
            return this.#setup.within(() => this.run(at + 1));
          },
          (error: unknown) => (this.#failed(error) ? this.#answer() : this.#setup.within(() => this.run(at + 1))),
        );
    }
    return this.#answer();
  }

  #make(at: number): unknown {
    const name: unknown = this.#names[this.#picks[at] as number];
    if (typeof name !== 'string') throw malformed();
    if (this.#on === null) return this.#call(this.#setup.target, name, this.#lists[at]);
    const on: unknown = this.#on[at];
    const list: unknown = this.#lists[at];
    const [items, form]: unknown[] = Array.isArray(list) ? list : [];
    const args = this.#setup.values.unpackWith(items, form, (place) => this.#result(place, at));
    return this.#call(on === -1 ? this.#setup.target : this.#resultTarget(on, name, at), name, args);
  }

  #call(target: Target, name: string, args: unknown): unknown {
    if (!Array.isArray(args)) throw malformed();
    return this.#setup.call(target, name, args);
  }

  /** @throws ERR_DEPENDENCY, ERR_PROTOCOL */
  #result(place: unknown, at: number): unknown {
    if (!Number.isInteger(place) || (place as number) < 0 || (place as number) >= at) throw malformed();
    if (!this.#thrown.has(place as number)) return this.#results[place as number];
    const cause = this.#thrown.get(place as number);
    const depended = String(this.#names[this.#picks[place as number] as number]);
    throw new MillraceError('ERR_DEPENDENCY', `it was not called: '${depended}', on whose result it depends, failed: ${reasonOf(cause)}`, {
      cause,
    });
  }

  #resultTarget(on: unknown, name: string, at: number): Target {
    const target = this.#setup.targetOf(this.#result(on, at));
    if (target !== undefined) return target;
    throw new MillraceError(
      'ERR_NOT_EXPOSED',
      `'${name}' cannot be called on the result: it is no function and no object that is registered or passed by reference`,
    );
  }

  #failed(error: unknown): boolean {
    this.#thrown.set(this.#results.length, error);
    this.#results.push(null);
    return !this.#goOn;
  }

  #answer(): BatchAnswer {
    const { values, telling } = this.#setup;
    if (this.#on !== null) unmade(this.#params, values, this.#results.length);
    const packed = (): BatchAnswer => {
      telling.record();
      try {
        const errors = [...this.#thrown].map(([place, error]) => [place, values.packError(error)]);
        const parts = [...values.packList(this.#results, 'the results of a batch'), errors];
        return new BatchAnswer(parts, telling.told());
      } catch (error) {
        telling.takeBack(telling.told());
        throw error;
      }
    };
    try {
      return packed();
    } catch {
      // One result that cannot cross is the error of its own call.
      for (const [place, result] of this.#results.entries()) {
        telling.record();
        try {
          values.packList([result], 'a result');
        } catch (error) {
          this.#thrown.set(place, error);
          this.#results[place] = null;
        }
        telling.takeBack(telling.told());
      }
      return packed();
    }
  }
}

function malformed(): MillraceError {
  return new MillraceError('ERR_PROTOCOL', "a request 'batch' to a remote object is malformed");
}
