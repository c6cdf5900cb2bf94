/**
 * Arguments and results of functions as something that any machine can read: JSON text where JSON holds the value exactly,
 * else msgpack bytes of a flat table (`value-table.ts`). What neither holds is refused by name, never bent.
 *
 * JSON first because it is what most calls carry, is readable in a database, and decodes at the speed of the engine.
 */
import type { Packr } from 'msgpackr';
import { MillraceError } from '../base/errors.ts';
import { checkPlainMsgpack } from './msgpack-check.ts';
import { msgpackr } from './msgpackr.ts';
import { buildValue, flattenValue } from './value-table.ts';

/** How the file of an encoded value ends, by how it is encoded. */
export const valueEndings = { text: '.json', bytes: '.msgpack' } as const;

/** Deeper nesting is left to the table, which does not recurse when it is read. */
const deepestJson = 400;

// No records and no extensions: the table needs plain msgpack only, and plain msgpack can be checked before it is decoded.
let made: Packr | null = null;

function packr(): Packr {
  made ??= new (msgpackr().Packr)({ useRecords: false, copyBuffers: true });
  return made;
}

/**
 * A value as text (JSON) or bytes (msgpack); `decodeValue` gives it back.
 *
 * @param name What the message calls the value.
 * @throws ERR_NOT_CLONEABLE, naming the path of what cannot cross (`args[0].done`).
 */
export function encodeValue(value: unknown, name = 'value'): string | Uint8Array {
  if (isExactJson(value, 0)) return JSON.stringify(value);
  // A copy: msgpackr hands out a view of its shared buffer.
  return Uint8Array.from(packr().pack(flattenValue(value, name)));
}

/**
 * The value that `encodeValue` was given.
 * @throws ERR_NOT_CLONEABLE for what it cannot have made
 */
export function decodeValue(encoded: string | Uint8Array): unknown {
  try {
    if (typeof encoded !== 'string') {
      checkPlainMsgpack(encoded);
      return buildValue(packr().unpack(encoded));
    }
    const value: unknown = JSON.parse(encoded);
    // JSON.parse makes an own property of it; merging code elsewhere would make a prototype of it.
    if (encoded.includes('__proto__') || encoded.includes('\\u')) checkKeys(value);
    return value;
  } catch (error) {
    throw new MillraceError('ERR_NOT_CLONEABLE', 'an encoded value is damaged and cannot be read', { cause: error });
  }
}

/** JSON gives back exactly this: no undefined, -0, NaN, class, cycle (by depth), odd key or toJSON in it. */
function isExactJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth >= deepestJson) return false;
  if (Array.isArray(value)) {
    if (Object.getPrototypeOf(value) !== Array.prototype || Object.hasOwn(value, 'toJSON')) return false;
    for (let i = 0; i < value.length; i += 1) if (!isExactJson(value[i], depth + 1)) return false;
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key of Object.keys(value)) {
    if (key === '__proto__' || key === 'toJSON') return false;
    if (!isExactJson((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

function checkKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw new TypeError("a key '__proto__'");
    checkKeys((value as Record<string, unknown>)[key]);
  }
}
