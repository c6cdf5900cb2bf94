/**
 * What messages carry as it is, bit for bit: no table has to be made of it and none to be read. Everything else (undefined, -0, Map, cycles, keys
 * that msgpack would bend…) goes through the table of `task/value-table.ts`.
 */

const surrogate = /\p{Surrogate}/u;

/** Frames nest 64 deep, of which the message takes a few; a cycle ends here too. */
const deepest = 48;

/** Whether an object stays where it is, whatever it holds. */
export type Stays = (value: object) => boolean;

/** Whether the wire gives back exactly this. `stays` null: nothing plain is passed by reference. */
export function isPlain(value: unknown, stays: Stays | null, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
      return !surrogate.test(value);
    case 'number':
      return !Object.is(value, -0);
    case 'boolean':
      return true;
    case 'object':
      return value === null || (depth < deepest && isPlainObject(value, stays, depth + 1));
    default:
      return false;
  }
}

function isPlainObject(value: object, stays: Stays | null, depth: number): boolean {
  if (stays?.(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) {
    const items = value as readonly unknown[];
    for (let i = 0; i < items.length; i += 1) if (!isPlain(items[i], stays, depth)) return false;
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
    if (!isPlain((value as Record<string, unknown>)[key], stays, depth)) return false;
  }
  return true;
}
