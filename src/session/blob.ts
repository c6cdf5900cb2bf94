/** Constants: data objects whose content the program gives. */
import { Buffer } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { kindOfValue, reasonOf } from '../base/errors.ts';
import { archiveOf, collect, packFolder } from './archive.ts';
import type { DataType } from './attributes.ts';
import { contentTypeOf } from './content-type.ts';
import { DataObject } from './data-object.ts';
import { encodeAs } from './encoding.ts';
import { RainException } from './exceptions.ts';
import { homeFor } from './home.ts';
import { checkOptions } from './options.ts';
import { type Home, ObjectRecord } from './records.ts';

export interface ConstantOptions {
  /** Default: `const`, `pickle`, `json`, `const_dir`. */
  readonly label?: string;
  /** A `Session`; default: the active one. */
  readonly session?: object;
}

export interface BlobOptions extends ConstantOptions {
  /** What the bytes or the text are. Default: of a text `text`, of bytes none. */
  readonly contentType?: string;
  /** Make bytes of the value, whatever it is, as this content type. */
  readonly encode?: string;
}

const blobNames: readonly (keyof BlobOptions)[] = ['label', 'session', 'contentType', 'encode'];
const constantNames: readonly (keyof ConstantOptions)[] = ['label', 'session'];

/** A constant that is no user's: it is not enrolled yet. */
export function constantRecord(
  home: Home,
  label: string,
  bytes: ObjectRecord['bytes'],
  contentType: string | null,
  dataType: DataType,
): ObjectRecord {
  return new ObjectRecord(home, { label, bytes, contentType, dataType, isConstant: true });
}

/**
 * A blob with this content: bytes as they are, a text in UTF-8, anything else by `encode`. Bytes are not copied: do not change them before
 * `submit()` has resolved.
 * @param options Its label, or options.
 * @throws RainException (also ERR_CONTENT_TYPE, ERR_SESSION), ERR_NOT_CLONEABLE
 * (Source: Rain, `client.blob`; it refuses a text with a `content_type`.)
 */
export function blob(value: unknown, options: string | BlobOptions = {}): DataObject {
  const { label = 'const', session, contentType, encode } = checkOptions(labelled(options), blobNames, 'blob()');
  const home = homeFor(session);
  const [asked, encoding] = [contentTypeOf(contentType), contentTypeOf(encode)];
  if (asked !== null && encoding !== null)
    throw new RainException('give blob() either `contentType`, what the bytes are, or `encode`, what to make of a value');
  if (encoding !== null) return enrolled(home, checkLabel(label), encodeAs(value, encoding), encoding);
  if (typeof value === 'string') return enrolled(home, checkLabel(label), Buffer.from(value), asked ?? 'text');
  const bytes = bytesOf(value);
  if (bytes === null)
    throw new RainException(`blob() takes bytes or a text; ${kindOfValue(value)} needs { encode: 'json' } or the like, or pickled()`);
  return enrolled(home, checkLabel(label), bytes, asked);
}

/** A blob of any value that can be cloned. @throws ERR_NOT_CLONEABLE (Source: Rain, `client.pickled`.) */
export function pickled(value: unknown, options: string | ConstantOptions = {}): DataObject {
  const given = checkOptions(labelled(options), constantNames, 'pickled()');
  return blob(value, { label: 'pickle', ...given, encode: 'pickle' });
}

/** A blob of a value as JSON. @throws ERR_NOT_CLONEABLE */
export function json(value: unknown, options: string | ConstantOptions = {}): DataObject {
  const given = checkOptions(labelled(options), constantNames, 'json()');
  return blob(value, { label: 'json', ...given, encode: 'json' });
}

/**
 * A directory with the files of a folder of this machine; without a path an empty one.
 * @param path Or a `file:` URL.
 * @throws RainException when there is no such folder, or it holds what is neither file nor folder, or is called what no directory object can hold (Source: Rain, `client.directory`.)
 */
export async function directory(path: string | URL | null = null, options: string | ConstantOptions = {}): Promise<DataObject> {
  const { label = 'const_dir', session } = checkOptions(labelled(options), constantNames, 'directory()');
  const home = homeFor(session);
  checkLabel(label);
  const bytes = await archived(path);
  return enrolled(home, label, bytes, null, 'dir');
}

async function archived(path: string | URL | null): Promise<Buffer> {
  if (path === null) return collect(archiveOf(async () => {}));
  try {
    const folder = path instanceof URL ? fileURLToPath(path) : path;
    if (!(await stat(folder)).isDirectory()) throw new RainException('it is no folder');
    return await collect(packFolder(folder));
  } catch (cause) {
    throw new RainException(`the folder ${JSON.stringify(path)} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

function enrolled(home: Home, label: string, bytes: Uint8Array, contentType: string | null, dataType: DataType = 'blob'): DataObject {
  const own = constantRecord(home, label, bytes, contentType, dataType);
  home.enrol(null, [own]);
  return DataObject.of(own);
}

function labelled<T extends ConstantOptions>(options: string | T): T {
  return typeof options === 'string' ? ({ label: options } as T) : options;
}

export function checkLabel(label: unknown): string {
  if (typeof label === 'string' && label.length <= 1_000) return label;
  throw new RainException('a label is a text of at most 1,000 characters');
}

function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return null;
}
