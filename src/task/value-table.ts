/**
 * Values that JSON cannot hold, as a flat table of nodes: cycles and shared parts are indexes, and no reader recurses.
 *
 * A node is a text, a finite or infinite number, a boolean or null as itself, or a tagged list:
 * `[a, …items]` array · `[o, …keys, …items]` object · `[m, …keys, …items]` Map · `[s, …items]` Set · `[u]` undefined · `[z]` -0 ·
 * `[n, hex]` bigint · `[j, json]` text with half a surrogate pair · `[d, ms]` Date · `[r, source, flags]` RegExp ·
 * `[e, name, message, stack, cause?]` Error · `[b, type, bytes]` binary. Items are indexes of nodes; node 0 is the value. Tags in upper
 * case are an extension's.
 */
import { className, MillraceError } from '../base/errors.ts';

const deepest = 1_000;
const loneSurrogate = /\p{Surrogate}/u;

const binaryTypes: Readonly<Record<string, new (buffer: ArrayBuffer) => object>> = {
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
};

const errorTypes = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError } as const;

/** What a user of the table adds to it: nodes for functions, errors and instances of classes. */
export interface ValueExtension {
  /** The node of a part, its tag in upper case; null: as without an extension. `add` gives the index of an item. */
  write(part: object, path: string, add: (item: unknown, path: string) => number): unknown[] | null;
  /** The value of such a node without its items; undefined: the tag is unknown. */
  shell(node: readonly unknown[]): unknown;
  /** Puts the items in. */
  fill(value: unknown, node: readonly unknown[], at: (index: unknown) => unknown): void;
}

/**
 * The table of a value.
 * @throws ERR_NOT_CLONEABLE, naming the path of what cannot cross
 */
export function flattenValue(value: unknown, name: string, extension?: ValueExtension): unknown[] {
  const nodes: unknown[] = [];
  const known = new Map<object, number>();
  add(value, name, 0);
  return nodes;

  function add(part: unknown, path: string, depth: number): number {
    if ((typeof part !== 'object' || part === null) && (typeof part !== 'function' || extension === undefined))
      return nodes.push(primitive(part, path)) - 1;
    const before = known.get(part);
    if (before !== undefined) return before;
    if (depth > deepest) throw refused(`${path.slice(0, 100)}…`, `is nested more than ${deepest} levels deep`);
    const index = nodes.push(null) - 1;
    known.set(part, index);
    nodes[index] = compound(part, path, depth + 1);
    return index;
  }

  function compound(part: object, path: string, depth: number): unknown[] {
    const extended = extension?.write(part, path, (item, at) => add(item, at, depth));
    if (extended !== undefined && extended !== null) return extended;
    if (typeof part === 'function') throw refused(path, 'is a function');
    if (Array.isArray(part)) return ['a', ...Array.from(part, (item: unknown, i) => add(item, `${path}[${i}]`, depth))];
    if (part instanceof Map) {
      const keys = [...part.keys()].map((key: unknown) => add(key, `${path} (a key)`, depth));
      return ['m', ...keys, ...[...part].map(([key, item]: [unknown, unknown]) => add(item, `${path}.get(${shown(key)})`, depth))];
    }
    if (part instanceof Set) return ['s', ...[...part].map((item: unknown) => add(item, `${path} (an item)`, depth))];
    if (part instanceof Date) return ['d', part.getTime()];
    if (part instanceof RegExp) return ['r', primitive(part.source, path), part.flags];
    if (part instanceof Error) {
      const texts = [part.name, part.message, part.stack ?? ''].map((text) => primitive(String(text), path));
      return Object.hasOwn(part, 'cause') ? ['e', ...texts, add(part.cause, `${path}.cause`, depth)] : ['e', ...texts];
    }
    const binary = binaryNode(part);
    if (binary !== null) return binary;
    const prototype: unknown = Object.getPrototypeOf(part);
    if (prototype !== Object.prototype && prototype !== null) {
      throw refused(path, `is an instance of ${className(part)}; send plain data and build it there`);
    }
    const keys = Object.keys(part);
    if (keys.includes('__proto__')) throw refused(path, "has a key '__proto__'");
    const items = keys.map((key) => add((part as Record<string, unknown>)[key], `${path}.${key}`, depth));
    return ['o', ...keys.map((key) => nodes.push(primitive(key, path)) - 1), ...items];
  }
}

/**
 * The value of a table.
 * @throws TypeError for a table that `flattenValue` cannot have made
 */
export function buildValue(table: unknown, extension?: ValueExtension): unknown {
  if (!Array.isArray(table) || table.length === 0) throw new TypeError('no table');
  const nodes: readonly unknown[] = table;
  const values = nodes.map((node) => (extension !== undefined && isExtended(node) ? extension.shell(node) : shell(node)));
  for (const [index, node] of nodes.entries()) if (Array.isArray(node)) fill(values[index], node);
  return values[0];

  function at(index: unknown): unknown {
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= values.length) throw new TypeError('no such node');
    return values[index];
  }

  function fill(value: unknown, node: readonly unknown[]): void {
    const [tag, ...rest] = node;
    const half = rest.length / 2;
    if (isExtended(node)) extension?.fill(value, node, at);
    else if ((tag === 'm' || tag === 'o') && !Number.isInteger(half)) throw new TypeError('a key without an item');
    if (tag === 'a') for (const item of rest) (value as unknown[]).push(at(item));
    else if (tag === 's') for (const item of rest) (value as Set<unknown>).add(at(item));
    else if (tag === 'm') for (let i = 0; i < half; i += 1) (value as Map<unknown, unknown>).set(at(rest[i]), at(rest[half + i]));
    else if (tag === 'o') {
      for (let i = 0; i < half; i += 1) {
        const key = at(rest[i]);
        if (typeof key !== 'string' || key === '__proto__') throw new TypeError('a bad key');
        (value as Record<string, unknown>)[key] = at(rest[half + i]);
      }
    } else if (tag === 'e' && rest.length === 4) {
      Object.defineProperty(value, 'cause', { value: at(rest[3]), configurable: true, enumerable: false, writable: true });
    }
  }
}

function isExtended(node: unknown): node is unknown[] {
  return Array.isArray(node) && typeof node[0] === 'string' && node[0] >= 'A' && node[0] <= 'Z';
}

/** The value of a node, its items still missing. */
function shell(node: unknown): unknown {
  if (!Array.isArray(node)) {
    if (node !== null && typeof node === 'object') throw new TypeError('a bad node');
    return node;
  }
  const [tag, first, second, third]: unknown[] = node;
  switch (tag) {
    case 'a':
      return [];
    case 'o':
      return {};
    case 'm':
      return new Map();
    case 's':
      return new Set();
    case 'u':
      return undefined;
    case 'z':
      return -0;
    case 'n':
      return first === '-' ? -BigInt(`0x${text(second)}`) : BigInt(`0x${text(second)}`);
    case 'j':
      return text(JSON.parse(text(first)));
    case 'd':
      return new Date(typeof first === 'number' ? first : Number.NaN);
    case 'r':
      return new RegExp(leaf(first), text(second));
    case 'e':
      return builtError(leaf(first), leaf(second), leaf(third));
    case 'b':
      return builtBinary(text(first), second);
    default:
      throw new TypeError('an unknown node');
  }
}

function primitive(part: unknown, path: string): unknown {
  switch (typeof part) {
    case 'function':
      throw refused(path, 'is a function');
    case 'symbol':
      throw refused(path, 'is a symbol');
    case 'undefined':
      return ['u'];
    case 'bigint':
      // Hexadecimal is read back in linear time, decimal is not.
      return ['n', part < 0n ? '-' : '', (part < 0n ? -part : part).toString(16)];
    case 'number':
      return Object.is(part, -0) ? ['z'] : part;
    case 'string':
      return loneSurrogate.test(part) ? ['j', JSON.stringify(part)] : part;
    default:
      return part;
  }
}

function binaryNode(part: object): unknown[] | null {
  if (part instanceof ArrayBuffer) return ['b', 'ArrayBuffer', new Uint8Array(part)];
  if (!ArrayBuffer.isView(part)) return null;
  const name = part instanceof Uint8Array ? 'Uint8Array' : Object.prototype.toString.call(part).slice(8, -1);
  if (!Object.hasOwn(binaryTypes, name)) return null;
  return ['b', name, new Uint8Array(part.buffer, part.byteOffset, part.byteLength)];
}

function builtBinary(name: string, bytes: unknown): object {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('no bytes');
  const buffer = Uint8Array.from(bytes).buffer; // a copy, aligned for every type
  if (name === 'ArrayBuffer') return buffer;
  const type = Object.hasOwn(binaryTypes, name) ? binaryTypes[name] : undefined;
  if (type === undefined) throw new TypeError('an unknown type of bytes');
  return new type(buffer);
}

function builtError(name: string, message: string, stack: string): Error {
  const type = Object.hasOwn(errorTypes, name) ? errorTypes[name as keyof typeof errorTypes] : Error;
  const error = new type(message);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true, enumerable: false, writable: true });
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, enumerable: false, writable: true });
  return error;
}

/** A text inside a node: as itself, or as a `j` node. */
function leaf(node: unknown): string {
  return text(Array.isArray(node) ? shell(node) : node);
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('no text');
  return value;
}

function shown(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : typeof key === 'object' ? '…' : String(key);
}

function refused(path: string, why: string): MillraceError {
  return new MillraceError('ERR_NOT_CLONEABLE', `${path} ${why}: it cannot cross to another thread or machine`, { details: { path } });
}
