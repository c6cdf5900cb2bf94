/**
 * Values as Pyro's JSON serializer writes and reads them. What Python has no word for goes as what its own serializer makes of the like (a set is a list, a
 * date its ISO text); classes come in only by a known list, and no constructor runs.
 */
import { MillraceError } from '../../base/errors.ts';
import { callerOf } from '../caller.ts';
import { URI } from '../uri.ts';
import type { Classes } from '../values.ts';
import { readJson } from './core/json.ts';
import { textOf } from './core/text.ts';
import { type ExceptionParts, errorOf, exceptionOf } from './exceptions.ts';
import { stateOf } from './registered.ts';

/** What stands for a remote object on the wire. */
export interface ProxyState {
  readonly uri: string;
  /** The key of its daemon, where the proxy carries one. */
  readonly key: string | null;
}

export interface PyroValuesSetup {
  /** By the names that Python gives them (`module.Class`). */
  readonly classes: Classes;
  /** A proxy that came in. */
  revive(state: ProxyState): unknown;
}

/** A failed call among the results of a batch. */
export class FailedCall {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

const deepest = 256;
/** Proxies, URIs and exceptions of one message: each costs a hundred times what it takes on the wire. */
const mostMade = 10_000;
const wrapperClass = 'Pyro4.futures._ExceptionWrapper';

export class PyroValues {
  readonly #setup: PyroValuesSetup;
  readonly #names: Map<object, string>;
  /** Of what may be made from the message that is being read. */
  #left = 0;

  constructor(setup: PyroValuesSetup) {
    this.#setup = setup;
    this.#names = new Map(Object.entries(setup.classes).map(([name, type]) => [type.prototype as object, name]));
  }

  /** JSON text. @throws ERR_NOT_CLONEABLE, which names the path */
  write(value: unknown, name: string): string {
    return isNative(value, 0) ? JSON.stringify(value) : new Writer(this.#names).write(value, name, 0);
  }

  /** Never fails: what cannot cross of an error is left out. */
  writeError(thrown: unknown): string {
    const parts = exceptionOf(thrown);
    try {
      return this.writeException(parts);
    } catch {
      const { _pyroTraceback } = parts.attributes;
      return this.writeException({ ...parts, args: parts.args.map(textOf), attributes: { _pyroTraceback } });
    }
  }

  writeException({ pythonClass, args, attributes }: ExceptionParts): string {
    return this.write({ __class__: pythonClass, __exception__: true, args, attributes }, 'the error');
  }

  /** A failed call among the results of a batch. */
  writeFailed(thrown: unknown): string {
    return `{"__class__":"${wrapperClass}","exception":${this.writeError(thrown)}}`;
  }

  /** @throws ERR_PROTOCOL for what is no JSON or too deep, ERR_NOT_CLONEABLE for a class that is not known */
  read(bytes: Uint8Array): unknown {
    this.#left = mostMade;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const value = readJson(buffer);
    // A class is told by a key that begins with two underlines, which may be written as escapes.
    return buffer.includes('__') || buffer.includes('\\u') ? this.#revive(value) : value;
  }

  #revive(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      for (let at = 0; at < value.length; at += 1) value[at] = this.#revive(value[at]);
      return value;
    }
    const fields = value as Record<string, unknown>;
    if (Object.hasOwn(fields, '__proto__')) throw new MillraceError('ERR_PROTOCOL', "a value has a key '__proto__', which is refused");
    for (const key of Object.keys(fields)) fields[key] = this.#revive(fields[key]);
    return Object.hasOwn(fields, '__class__') ? this.#instance(fields) : fields;
  }

  #instance(fields: Record<string, unknown>): unknown {
    const { __class__: name, __exception__: exception, state } = fields;
    const listed = typeof name === 'string' && Object.hasOwn(this.#setup.classes, name) ? this.#setup.classes[name] : undefined;
    if (listed !== undefined) return instanceOf(listed.prototype as object, fields);
    this.#left -= 1;
    if (this.#left < 0) throw new MillraceError('ERR_PROTOCOL', `a message has more than ${mostMade} proxies, URIs and exceptions`);
    if (name === 'Pyro4.core.URI' && Array.isArray(state)) return uriOf(state);
    if (name === 'Pyro4.core.Proxy' && Array.isArray(state)) return this.#setup.revive(proxyState(state));
    if (name === wrapperClass) return new FailedCall(fields.exception);
    if (typeof name === 'string' && (exception === true || /^Pyro[45]\.errors\./.test(name))) {
      const { args, attributes } = fields;
      return errorOf({
        pythonClass: name.slice(0, 200),
        args: Array.isArray(args) ? args : [],
        attributes: typeof attributes === 'object' && attributes !== null ? (attributes as Record<string, unknown>) : {},
      });
    }
    throw new MillraceError(
      'ERR_NOT_CLONEABLE',
      `a value is of the class '${textOf(name).slice(0, 200)}', which is not known: name it in \`classes\`, or make a dict of it in Python`,
    );
  }
}

function instanceOf(prototype: object, { __class__: _, ...fields }: Record<string, unknown>): object {
  const made: object = Object.create(prototype);
  // Defined, not assigned: a setter of the class does not run.
  for (const [key, value] of Object.entries(fields))
    Object.defineProperty(made, key, { value, enumerable: true, configurable: true, writable: true });
  return made;
}

const badState = (what: string): MillraceError => new MillraceError('ERR_PROTOCOL', `the state of a ${what} is malformed`);

function uriOf([protocol, object, socket, host, port]: readonly unknown[]): URI {
  const name = Array.isArray(object) ? object.join(',') : object;
  if (typeof protocol !== 'string' || typeof name !== 'string') throw badState('Pyro URI');
  const place = typeof host === 'string' ? `${host.includes(':') ? `[${host}]` : host}:${textOf(port)}` : socket;
  const at = typeof host === 'string' ? `@${textOf(place)}` : typeof socket === 'string' ? `@./u:${socket}` : '';
  return new URI(`${protocol}:${name}${at}`);
}

function proxyState([uri, , , , , key]: readonly unknown[]): ProxyState {
  if (typeof uri !== 'string') throw badState('Pyro proxy');
  if (key === null || key === undefined) return { uri, key: null };
  if (typeof key !== 'string' || !key.startsWith('b64:')) throw badState('Pyro proxy');
  return { uri, key: Buffer.from(key.slice(4), 'base64').toString('utf8') };
}

/** Whether the language's own JSON says it as it is meant. */
function isNative(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isSafeInteger(value) ? !Object.is(value, -0) : !Number.isInteger(value) && Number.isFinite(value);
    case 'object': {
      if (value === null) return true;
      if (depth === deepest) return false;
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Array.prototype) {
        for (const item of value as unknown[]) if (!isNative(item, depth + 1)) return false;
        return !('toJSON' in value);
      }
      if (prototype !== Object.prototype || 'toJSON' in value || stateOf(value) !== undefined) return false;
      for (const key of Object.keys(value)) if (!isNative((value as Record<string, unknown>)[key], depth + 1)) return false;
      return true;
    }
    default:
      return false;
  }
}

class Writer {
  readonly #names: ReadonlyMap<object, string>;
  readonly #open: Set<object> = new Set();

  constructor(names: ReadonlyMap<object, string>) {
    this.#names = names;
  }

  write(value: unknown, path: string, depth: number): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value);
      case 'number':
        return numberText(value);
      case 'bigint':
      case 'boolean':
        return String(value);
      case 'undefined':
        return 'null';
      case 'symbol':
        throw refused(path, 'is a symbol');
    }
    if (value === null) return 'null';
    const part = value as object;
    const known = this.#reference(part, path);
    if (known !== undefined) return known;
    if (typeof value === 'function')
      throw refused(path, 'is a function, which Python cannot call: register an object with this method at a PyroDaemon, and give that');
    if (this.#open.has(part)) throw refused(path, 'is part of itself, which JSON cannot say');
    if (depth >= deepest) throw refused(path, `nests deeper than ${deepest}`);
    this.#open.add(part);
    const text = this.#object(part, path, depth + 1);
    this.#open.delete(part);
    return text;
  }

  #reference(part: object, path: string): string | undefined {
    const registered = stateOf(part);
    if (registered !== undefined) return JSON.stringify({ __class__: 'Pyro4.core.Proxy', state: registered() });
    const caller = callerOf(part);
    if (caller !== undefined) {
      if (caller.uri === undefined || !/^PYRO/.test(caller.uri)) throw refused(path, 'is a remote object that does not speak Pyro');
      return JSON.stringify({ __class__: 'Pyro4.core.Proxy', state: [caller.uri, [], [], [], 0, null, 'hello', 0, 'json'] });
    }
    if (!(part instanceof URI)) return undefined;
    if (!part.isPyro) throw refused(path, 'is a URI of an object that does not speak Pyro');
    const { protocol, object, tags, address } = part;
    const place = 'path' in address ? [address.path, null, null] : [null, address.host, address.port];
    return JSON.stringify({ __class__: 'Pyro4.core.URI', state: [protocol, protocol === 'PYROMETA' ? tags : object, ...place] });
  }

  #object(part: object, path: string, depth: number): string {
    if (Array.isArray(part)) return this.#list(part, path, depth);
    if (part instanceof Uint8Array) return bytes(part);
    if (part instanceof ArrayBuffer) return bytes(new Uint8Array(part));
    if (ArrayBuffer.isView(part) && !(part instanceof DataView)) return this.#list([...(part as Float64Array)], path, depth);
    if (part instanceof Set) return this.#list([...part], path, depth);
    if (part instanceof Date) {
      if (Number.isNaN(part.getTime())) throw refused(path, 'is no date');
      return JSON.stringify(part.toISOString());
    }
    if (part instanceof Error) {
      const { pythonClass, args, attributes } = exceptionOf(part);
      return this.#fields(
        [
          ['__class__', pythonClass],
          ['__exception__', true],
          ['args', args],
          ['attributes', attributes],
        ],
        path,
        depth,
      );
    }
    if (part instanceof Map) {
      const entries = [...part].map(([key, item]): [string, unknown] => {
        if (typeof key !== 'string' && typeof key !== 'number') throw refused(path, 'is a Map with a key that is neither text nor number');
        return [String(key), item];
      });
      return this.#fields(entries, path, depth);
    }
    const prototype: object | null = Object.getPrototypeOf(part);
    const name = prototype === null ? undefined : this.#names.get(prototype);
    if (name !== undefined) return this.#fields([['__class__', name], ...Object.entries(part)], path, depth);
    if (prototype === Object.prototype || prototype === null) return this.#fields(Object.entries(part), path, depth);
    throw refused(
      path,
      `is an instance of '${String(prototype.constructor?.name)}': name its class in \`classes\`, or register it at a PyroDaemon so that a proxy goes`,
    );
  }

  #list(items: readonly unknown[], path: string, depth: number): string {
    return `[${items.map((item, place) => this.write(item, `${path}[${place}]`, depth)).join(',')}]`;
  }

  #fields(entries: readonly (readonly [string, unknown])[], path: string, depth: number): string {
    const texts: string[] = [];
    for (const [key, item] of entries)
      if (item !== undefined) texts.push(`${JSON.stringify(key)}:${this.write(item, `${path}.${key}`, depth)}`);
    return `{${texts.join(',')}}`;
  }
}

/** What is no exact integer here is none in Python. */
function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return Number.isInteger(value) && !Number.isSafeInteger(value) && !text.includes('e') ? `${text}.0` : text;
}

/** As Python's `serpent.tobytes` takes it. */
function bytes(part: Uint8Array): string {
  return `{"data":"${Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('base64')}","encoding":"base64"}`;
}

function refused(path: string, what: string): MillraceError {
  return new MillraceError('ERR_NOT_CLONEABLE', `${path} ${what}`);
}
