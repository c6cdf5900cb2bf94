/** What a task is told of one of its inputs or outputs beside the object itself. */
import type { DataType } from './attributes.ts';
import { contentTypeOf, mergeContentTypes } from './content-type.ts';
import { DataObject } from './data-object.ts';
import { RainException } from './exceptions.ts';
import { checkOptions } from './options.ts';
import { checkRelative } from './paths.ts';

export interface InputOptions {
  /** The name of the file that a command finds it under; by default the label, or one of its own. Relative, inside the sandbox. */
  readonly path?: string;
  /** The object, or a task with one output. A `Program`'s input has none: it comes with the call. */
  readonly dataobj?: unknown;
  /** Functions: give the value instead of a `DataInstance`. */
  readonly load?: boolean;
  /** Functions: what it has to hold. */
  readonly contentType?: string;
  /** Commands: a copy that may be changed, instead of a file that may only be read. Default false. */
  readonly write?: boolean;
}

const inputNames: readonly (keyof InputOptions)[] = ['path', 'dataobj', 'load', 'contentType', 'write'];

export abstract class InputBase {
  abstract readonly dataType: DataType;
  readonly label: string | null;
  readonly path: string | null;
  readonly dataobj: unknown;
  readonly load: boolean | null;
  readonly contentType: string | null;
  readonly write: boolean;

  constructor(label: string | null = null, options: InputOptions = {}) {
    const { path, dataobj, load, contentType, write = false } = checkOptions(options, inputNames, 'an input');
    if (label !== null && typeof label !== 'string')
      throw new RainException(`the label of an input is a text; it is of type ${typeof label}`);
    if (typeof write !== 'boolean' || (load !== undefined && typeof load !== 'boolean'))
      throw new RainException('`load` and `write` of an input are true or false');
    this.label = label;
    this.path = path === undefined ? null : checkRelative(path, 'the path of an input');
    this.dataobj = dataobj ?? null;
    this.load = load ?? null;
    this.contentType = contentTypeOf(contentType);
    this.write = write;
  }

  /** @throws RainException when an object is of the other kind */
  protected checkKind(): void {
    if (!(this.dataobj instanceof DataObject) || this.dataobj.dataType === this.dataType) return;
    throw new RainException(`${this.dataobj} is ${this.dataType === 'dir' ? 'no directory: take Input' : 'a directory: take InputDir'}`);
  }
}

/** An input that is a blob. */
export class Input extends InputBase {
  readonly dataType = 'blob';

  constructor(label: string | null = null, options: InputOptions = {}) {
    super(label, options);
    this.checkKind();
  }
}

/** An input that is a directory. */
export class InputDir extends InputBase {
  readonly dataType = 'dir';

  constructor(label: string | null = null, options: InputOptions = {}) {
    super(label, options);
    this.checkKind();
  }
}

export interface OutputOptions {
  /** Commands: the file that becomes the output; by default the label. Relative, inside the sandbox. */
  readonly path?: string;
  readonly contentType?: string;
  /** Functions: what the function returns is written as this. */
  readonly encode?: string;
}

const outputNames: readonly (keyof OutputOptions)[] = ['path', 'contentType', 'encode'];

export abstract class OutputBase {
  abstract readonly dataType: DataType;
  readonly label: string | null;
  readonly path: string | null;
  readonly contentType: string | null;
  readonly encode: string | null;

  constructor(label: string | null = null, options: OutputOptions = {}) {
    const { path, contentType, encode } = checkOptions(options, outputNames, 'an output');
    if (label !== null && typeof label !== 'string')
      throw new RainException(`the label of an output is a text; it is of type ${typeof label}`);
    const [type, encoding] = [contentTypeOf(contentType), contentTypeOf(encode)];
    if (type !== null && encoding !== null && type !== encoding)
      throw new RainException(`an output that is encoded as '${encoding}' cannot have the content type '${type}'`);
    this.label = label;
    this.path = path === undefined ? null : checkRelative(path, 'the path of an output');
    this.contentType = type ?? encoding;
    this.encode = encoding;
  }
}

/** An output that is a blob. */
export class Output extends OutputBase {
  readonly dataType = 'blob';
}

/** An output that is a directory. */
export class OutputDir extends OutputBase {
  readonly dataType = 'dir';

  constructor(label: string | null = null, options: OutputOptions = {}) {
    super(label, options);
    if (this.encode !== null) throw new RainException('a directory is not encoded');
  }
}

/** What is said at the call over what the prototype said: its label and path count where it has them; the narrower content type. */
export function mergeOutputs(prototype: OutputBase, given: OutputBase): OutputBase {
  if (prototype.dataType !== given.dataType)
    throw new RainException(`the output ${given.label ?? ''} is of the other kind: a directory or none`);
  const encode = given.encode ?? prototype.encode;
  const contentType = mergeContentTypes(prototype.contentType, given.contentType);
  const path = given.path ?? prototype.path;
  const options = {
    ...(path === null ? {} : { path }),
    ...(contentType === null ? {} : { contentType }),
    ...(encode === null ? {} : { encode }),
  };
  const label = given.label ?? prototype.label;
  return prototype.dataType === 'dir' ? new OutputDir(label, options) : new Output(label, options);
}
