/**
 * Values of calls as messages carry them: plain data as it is, all else as a table, in which functions, streams and objects that are passed by
 * reference are numbers of this connection, errors keep their stack, cause and fields, and instances of registered classes their class.
 * Nothing that comes in is ever evaluated, no constructor and no setter of a class runs.
 */
import { MillraceError, reasonOf } from '../base/errors.ts';
import { buildValue, flattenValue, type ValueExtension } from '../task/value-table.ts';
import { isPlain, Parts } from './core/plain.ts';
import { ErrorNodes, fillFields } from './error-nodes.ts';
import { plainMarks } from './target.ts';

/** Classes whose instances cross as such, by the name that both sides give them. Own fields are what crosses. */
export type Classes = Readonly<Record<string, abstract new (...args: never[]) => object>>;

/** What of a value stays where it is: told by a number, and made usable from one. */
export interface References {
  /** A node for what is passed by reference, or null. */
  give(part: object): unknown[] | null;
  /** What stands for it on this side; undefined: no such node. */
  take(node: readonly unknown[]): unknown;
}

/** Values of one kind: `form` 0 is plain, 1 a table. */
export type Form = 0 | 1;

/** Encodes and decodes what crosses one connection. */
export class Values {
  readonly #references: References;
  readonly #names: Map<object, string> = new Map();
  readonly #classes: Map<string, object> = new Map();
  readonly #errors: ErrorNodes;
  readonly #extension: ValueExtension;
  #earlier: ((place: unknown) => unknown) | null = null;

  constructor(references: References, classes: Classes) {
    this.#references = references;
    for (const [name, { prototype }] of Object.entries(classes) as [string, { prototype: object }][]) {
      this.#names.set(prototype, name);
      this.#classes.set(name, prototype);
    }
    this.#errors = new ErrorNodes(this.#names, this.#classes);
    this.#extension = {
      write: (part, path, add) => this.#write(part, path, add),
      shell: (node) => this.#shell(node),
      fill: (value, node, at) => this.#fill(value, node, at),
    };
  }

  /** Arguments: a list and its form. @throws ERR_NOT_CLONEABLE */
  packList(list: readonly unknown[], name: string): [items: readonly unknown[], form: Form] {
    const stays = plainMarks();
    const parts = new Parts();
    for (const item of list) if (!(item instanceof Uint8Array) && !isPlain(item, stays, parts)) return [this.#flatten(list, name), 1];
    return [list, 0];
  }

  /** As `unpackList`, of arguments with results of earlier calls among them, which `earlier` gives. @throws ERR_PROTOCOL */
  unpackWith(items: unknown, form: unknown, earlier: (place: unknown) => unknown): unknown[] {
    this.#earlier = earlier;
    try {
      return this.unpackList(items, form);
    } finally {
      this.#earlier = null;
    }
  }

  /** @throws ERR_PROTOCOL */
  unpackList(items: unknown, form: unknown): unknown[] {
    const list = form === 1 ? this.#build(items) : items;
    if (!Array.isArray(list) || (form !== 0 && form !== 1)) throw new MillraceError('ERR_PROTOCOL', 'a list of values is malformed');
    if (form === 0) for (let i = 0; i < list.length; i += 1) if (list[i] instanceof Uint8Array) list[i] = bytesOf(list[i]);
    return list;
  }

  /** One value: a scalar or bytes as they are, nothing for undefined, else `[form, items]`. @throws ERR_NOT_CLONEABLE */
  pack(value: unknown, name: string): unknown {
    if (value === undefined || value instanceof Uint8Array) return value;
    if (!isPlain(value, plainMarks())) return [1, this.#flatten(value, name)];
    return typeof value === 'object' ? [0, value] : value;
  }

  /** @throws ERR_PROTOCOL */
  unpack(wire: unknown): unknown {
    if (wire === null || wire === undefined) return undefined;
    if (typeof wire !== 'object') return wire;
    if (wire instanceof Uint8Array) return bytesOf(wire);
    if (Array.isArray(wire) && wire[0] === 0) return wire[1];
    if (Array.isArray(wire) && wire[0] === 1) return this.#build(wire[1]);
    throw new MillraceError('ERR_PROTOCOL', 'a value is malformed');
  }

  /** What was thrown, so that the other side can throw it too: never fails. */
  packError(thrown: unknown): unknown {
    try {
      return [1, this.#flatten(thrown, 'the error')];
    } catch (refusal) {
      const { name, message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
      const text = new MillraceError(
        'ERR_NOT_CLONEABLE',
        `a remote error cannot cross as it is (${reasonOf(refusal)}): ${name}: ${message}`,
      );
      text.stack = stack ?? '';
      return [1, this.#flatten(text, 'the error')];
    }
  }

  #flatten(value: unknown, name: string): unknown[] {
    return flattenValue(value, name, this.#extension);
  }

  #build(table: unknown): unknown {
    try {
      return buildValue(table, this.#extension);
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause;
      throw new MillraceError('ERR_PROTOCOL', `a value is malformed: ${reasonOf(cause)}`, { cause });
    }
  }

  #write(part: object, path: string, add: (item: unknown, path: string) => number): unknown[] | null {
    const prototype: object | null = Object.getPrototypeOf(part);
    if (prototype === Object.prototype || prototype === Array.prototype || prototype === null) return this.#references.give(part);
    if (part instanceof Error) return this.#errors.write(part, path, add);
    const name = this.#names.get(prototype);
    if (name === undefined) return this.#references.give(part);
    const fields = Object.entries(part);
    return ['C', name, ...fields.map(([key]) => add(key, path)), ...fields.map(([key, item]) => add(item, `${path}.${key}`))];
  }

  #shell(node: readonly unknown[]): unknown {
    const [tag, name] = node;
    if (tag === 'E') return this.#errors.shell(node);
    if (tag === 'R' && this.#earlier !== null) return this.#earlier(name);
    if (tag !== 'C') {
      const taken = this.#references.take(node);
      if (taken === undefined) throw new TypeError('an unknown node');
      return taken;
    }
    const prototype = this.#classes.get(String(name));
    if (prototype === undefined)
      throw new MillraceError(
        'ERR_NOT_CLONEABLE',
        `a value is of the class '${String(name).slice(0, 100)}': name it in \`classes\` here too`,
      );
    return Object.create(prototype);
  }

  #fill(value: unknown, node: readonly unknown[], at: (index: unknown) => unknown): void {
    if (node[0] === 'E') this.#errors.fill(value as Error, node, at);
    else if (node[0] === 'C') fillFields(value as object, node.slice(2), at);
  }
}

/** The bytes without the class that the socket's buffers have. */
function bytesOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
