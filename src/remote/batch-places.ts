/**
 * Results that are not there yet: what a call of a batch gives at once. A method of it is a further call of the same batch, on that result; as an argument
 * it stands for that result. Nothing of it goes over the network before the batch does.
 */
import { inspect } from 'node:util';
import { MillraceError } from '../base/errors.ts';

/** The result of call `index` of the calls that are sent together as `batch`. */
export class Place {
  readonly batch: object;
  readonly index: number;
  /** Makes a call on the result. */
  readonly call: (place: Place, name: string, args: unknown[]) => unknown;
  /** Of a result that can be awaited too. */
  readonly after: Promise<unknown> | null;

  constructor(batch: object, index: number, call: Place['call'], after: Promise<unknown> | null = null) {
    this.batch = batch;
    this.index = index;
    this.call = call;
    this.after = after;
  }
}

/** By this name a proxy says which place it stands for. */
const itself: unique symbol = Symbol('place');

/** The batch and the call whose arguments are being packed. */
let packing: { readonly batch: object; at: number } | null = null;

/** Names that the language and its tools read on their own. */
const local: ReadonlySet<string> = new Set(['toJSON', 'constructor', 'prototype', '__proto__', '$$typeof', 'asymmetricMatch', 'nodeType']);

// One for all: a batch may have a million calls.
const handler: ProxyHandler<Place> = {
  get(place, name) {
    if (name === itself) return place;
    if (name === 'then') return place.after === null ? undefined : place.after.then.bind(place.after);
    if (name === inspect.custom || name === Symbol.toPrimitive || name === 'toJSON') return () => `[result ${place.index} of a batch]`;
    if (typeof name !== 'string' || local.has(name)) return undefined;
    return (...args: unknown[]) => place.call(place, name, args);
  },
  set: () => false,
  has: () => false,
  ownKeys: () => [],
  getOwnPropertyDescriptor: () => undefined,
};

/** What stands for the result. */
export function resultPlace(place: Place): object {
  return new Proxy(place, handler);
}

/** Packs the arguments of the calls of a batch, one call after the other. */
export function packEach<T>(batch: object, count: number, pack: (at: number) => T): T[] {
  const before = packing;
  const now = { batch, at: 0 };
  packing = now;
  try {
    return Array.from({ length: count }, (_, at) => {
      now.at = at;
      return pack(at);
    });
  } finally {
    packing = before;
  }
}

/** The place of a result that is not there yet; null: it is none. @throws ERR_CIRCULAR, ERR_BATCH */
export function placeOf(part: object): number | null {
  const place = (part as { readonly [itself]?: Place })[itself];
  if (place === undefined) return null;
  if (packing === null || packing.batch !== place.batch)
    throw new MillraceError('ERR_BATCH', 'a result that is not there yet can only be used in the batch of its call: await it first');
  if (place.index < packing.at) return place.index;
  throw new MillraceError(
    'ERR_CIRCULAR',
    `call ${packing.at} of a batch depends on the result of call ${place.index}, which is made no earlier`,
  );
}
