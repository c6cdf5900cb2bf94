/**
 * What crosses one connection by reference: functions, marked objects and objects of a daemon of this side get a number; a number of the other
 * side becomes a stand-in. A stand-in that nobody uses any more is given back when it is collected, or at once by `release(standIn)`.
 */
import { placeOf } from './batch-places.ts';
import { callerOf, remoteOver } from './caller.ts';
import { Given, Got } from './core/references.ts';
import { currentCall } from './current-call.ts';
import { nothing } from './exposure.ts';
import { type Reach, ReferenceCaller } from './reference-caller.ts';
import type { SessionStreams } from './session-streams.ts';
import { functionTarget, markedTarget, type Target } from './target.ts';
import type { Telling, Told } from './telling.ts';
import type { References } from './values.ts';

/** Objects that are no reference of this connection. */
export interface ForeignObjects {
  /** A proxy for a URI. */
  revive(uri: string): object;
}

interface Handle {
  readonly standIn: WeakRef<object>;
}

export class SessionReferences implements References, Telling {
  readonly #reach: Reach;
  readonly #foreign: ForeignObjects;
  readonly #streams: SessionStreams;
  readonly #given: Given<object> = new Given();
  readonly #targets: WeakMap<object, Target> = new WeakMap();
  readonly #got: Got<Handle> = new Got();
  readonly #collected: FinalizationRegistry<[number, Handle]>;
  #recording = false;
  #told: (number | object)[] | null = null;

  constructor(reach: Reach, foreign: ForeignObjects, streams: SessionStreams) {
    this.#reach = reach;
    this.#streams = streams;
    this.#foreign = foreign;
    this.#collected = new FinalizationRegistry(([number, handle]) => this.#giveBack(number, handle));
  }

  get counts(): { readonly given: number; readonly got: number } {
    return { given: this.#given.size, got: this.#got.size };
  }

  /** `[F, number]` function · `[O, number]` object · `[B, number]` what the other side gave · `[P, uri]` a proxy elsewhere · `[S, key]` stream · `[R, place]` result of an earlier call. */
  give(part: object): unknown[] | null {
    const place = placeOf(part);
    if (place !== null) return ['R', place];
    const caller = callerOf(part);
    if (caller instanceof ReferenceCaller && caller.reach === this.#reach) return ['B', caller.number];
    if (caller?.uri !== undefined) return ['P', caller.uri];
    const target = this.#targets.get(part) ?? this.#targetOf(part, caller !== undefined);
    if (target === undefined) {
      const key = this.#streams.give(part);
      if (key !== null) this.#tell(part);
      return key === null ? null : ['S', key];
    }
    this.#targets.set(part, target);
    const number = this.#given.give(part);
    this.#tell(number);
    return [typeof part === 'function' ? 'F' : 'O', number];
  }

  record(): void {
    this.#recording = true;
    this.#told = null;
  }

  told(): Told {
    this.#recording = false;
    const told = this.#told;
    this.#told = null;
    return told;
  }

  takeBack(told: Told): void {
    for (const each of told ?? [])
      if (typeof each === 'number') this.#given.giveBack(each, 1);
      else this.#streams.takeBack(each);
  }

  take(node: readonly unknown[]): unknown {
    const [tag, name] = node;
    if (tag === 'S') return this.#streams.take(name);
    if (tag === 'P') return this.#foreign.revive(String(name));
    if (typeof name !== 'number') return undefined;
    if (tag === 'F' || tag === 'O') return this.#standIn(name, tag === 'F');
    return tag === 'B' ? this.#given.find(name) : undefined;
  }

  /** How a result of this side is called; undefined: it does not cross by reference. */
  targetOf(result: unknown): Target | undefined {
    if ((typeof result !== 'object' || result === null) && typeof result !== 'function') return undefined;
    return this.#targets.get(result) ?? this.#targetOf(result, callerOf(result) !== undefined);
  }

  find(number: number): Target | undefined {
    const object = this.#given.find(number);
    return object === undefined ? undefined : this.#targets.get(object);
  }

  freed(number: number, heard: number): void {
    this.#given.giveBack(number, heard);
  }

  clear(): void {
    this.#given.clear();
    this.#got.clear();
  }

  #tell(what: number | object): void {
    if (!this.#recording) return;
    this.#told ??= [];
    this.#told.push(what);
  }

  #targetOf(part: object, isStandIn: boolean): Target | undefined {
    // A stand-in of another connection is passed on: calls go through this side.
    if (isStandIn || typeof part === 'function') return functionOrRelay(part);
    return markedTarget(part);
  }

  #standIn(number: number, callable: boolean): object {
    const known = this.#got.hear(number)?.standIn.deref();
    if (known !== undefined) return known;
    let handle: Handle;
    const caller = new ReferenceCaller(this.#reach, number, () => this.#giveBack(number, handle));
    const standIn = remoteOver(caller, callable);
    // A method that was taken from it, or a batch of it, has the caller alone: the reference is free when nobody has that either.
    caller.standIn = standIn;
    handle = { standIn: new WeakRef(standIn) };
    this.#got.keep(number, handle);
    this.#collected.register(standIn, [number, handle]);
    return standIn;
  }

  #giveBack(number: number, handle: Handle): void {
    const heard = this.#got.drop(number, handle);
    if (heard > 0) this.#reach.giveBack(number, heard);
  }
}

function functionOrRelay(part: object): Target | undefined {
  const caller = callerOf(part);
  if (caller === undefined) return functionTarget(part as (...args: unknown[]) => unknown);
  return {
    call: (method, args) => caller.call(method, args, { timeout: null, signal: currentCall().signal }),
    get: (name) => caller.get(name),
    set: (name, value) => caller.set(name, value),
    exposure: nothing,
  };
}
