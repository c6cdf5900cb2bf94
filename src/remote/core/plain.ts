/**
 * What messages carry as it is, bit for bit: no table has to be made of it and none to be read. Everything else (undefined, -0, Map, cycles, keys
 * that msgpack would bend…) goes through the table of `task/value-table.ts`.
 */

const surrogate = /\p{Surrogate}/u;

/** Frames nest 64 deep, of which the message takes a few; a cycle ends here too. */
const deepest = 48;

/** Whether an object stays where it is, whatever it holds. */
export type Stays = (value: object) => boolean;

/** The objects and lists of one value so far: one that stands in two places has to arrive as one. */
export class Parts {
  #first: object | null = null;
  #all: Set<object> | null = null;

  /** False: it is among them already. */
  add(part: object): boolean {
    if (this.#first === null) {
      this.#first = part;
      return true;
    }
    this.#all ??= new Set([this.#first]);
    const before = this.#all.size;
    return this.#all.add(part).size > before;
  }
}

/** Whether the wire gives back exactly this. `stays` null: nothing plain is passed by reference. `parts`: of the value that it is of. */
export function isPlain(value: unknown, stays: Stays | null, parts: Parts = new Parts(), depth = 0): boolean {
  switch (typeof value) {
    case 'string':
      return !surrogate.test(value);
    case 'number':
      return !Object.is(value, -0);
    case 'boolean':
      return true;
    case 'object':
      return value === null || (depth < deepest && parts.add(value) && isPlainObject(value, stays, parts, depth + 1));
    default:
      return false;
  }
}

function isPlainObject(value: object, stays: Stays | null, parts: Parts, depth: number): boolean {
  if (stays?.(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) {
    const items = value as readonly unknown[];
    for (let i = 0; i < items.length; i += 1) if (!isPlain(items[i], stays, parts, depth)) return false;
    return true;
  }
  if (prototype !== Object.prototype) return false;
  const { [Symbol.iterator]: now, [Symbol.asyncIterator]: later } = value as {
    [Symbol.iterator]?: unknown;
    [Symbol.asyncIterator]?: unknown;
  };
  if (now !== undefined || later !== undefined) return false;
  for (const key of Object.keys(value)) {
    // A key of a prototype would change what the packer makes of the object.
    if (key in Object.prototype || surrogate.test(key)) return false;
    if (!isPlain((value as Record<string, unknown>)[key], stays, parts, depth)) return false;
  }
  return true;
}
