/** Values as the bytes of a content type, and back. */
import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { decodeValue, encodeValue } from '../task/value.ts';
import { contentTypeOf } from './content-type.ts';
import { RainException } from './exceptions.ts';

interface Cbor {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** JSON begins with a character of ASCII, the table that holds all else with a byte beyond it. */
const firstBeyondAscii = 0x80;

/**
 * The bytes of a value.
 * `pickle` (also `cloudpickle`): whatever can be cloned. `json`, `cbor` (package `cbor-x`), `text` (UTF-8), `text-latin1`, `text-utf-16le`.
 * @throws RainException (ERR_CONTENT_TYPE) for a type that cannot be written, ERR_NOT_CLONEABLE for a value that its type cannot hold
 */
export function encodeAs(value: unknown, contentType: string): Uint8Array {
  const type = contentTypeOf(contentType);
  switch (type) {
    case 'pickle':
    case 'cloudpickle': {
      const encoded = encodeValue(value);
      return typeof encoded === 'string' ? Buffer.from(encoded) : encoded;
    }
    case 'json':
      return Buffer.from(json(value));
    case 'cbor':
      return cbor().encode(value);
    default: {
      const encoding = textEncoding(type);
      if (encoding === null) throw unsupported(contentType, 'written');
      if (typeof value !== 'string') throw new RainException(`as '${contentType}' only a text can be written; it is ${typeof value}`);
      return Buffer.from(value, encoding);
    }
  }
}

/**
 * The value of bytes.
 * @throws RainException (ERR_CONTENT_TYPE): raw bytes, a type that cannot be read, or bytes that are not what it says
 */
export function decodeAs(bytes: Uint8Array, contentType: string | null): unknown {
  try {
    switch (contentType) {
      case 'pickle':
      case 'cloudpickle':
        return decodeValue((bytes[0] ?? 0) < firstBeyondAscii ? Buffer.from(bytes).toString() : bytes);
      case 'json':
        return JSON.parse(Buffer.from(bytes).toString());
      case 'cbor':
        return cbor().decode(bytes);
      default: {
        const encoding = textEncoding(contentType);
        if (encoding === null) throw unsupported(contentType, 'read');
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding);
      }
    }
  } catch (cause) {
    if (cause instanceof RainException) throw cause;
    throw new RainException(`the bytes are not '${contentType}': ${reasonOf(cause)}`, { code: 'ERR_CONTENT_TYPE', cause });
  }
}

function json(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new MillraceError('ERR_NOT_CLONEABLE', `JSON cannot hold the value: ${reasonOf(cause)}`, { cause });
  }
  if (text !== undefined) return text;
  throw new MillraceError('ERR_NOT_CLONEABLE', `JSON cannot hold ${typeof value}`);
}

/** null: it is no type of text, or an alphabet that is not known. */
function textEncoding(type: string | null): BufferEncoding | null {
  if (type === 'text') return 'utf8';
  if (type === null || !type.startsWith('text-')) return null;
  const name = type.slice('text-'.length).toLowerCase();
  return name === 'utf-16le' ? 'utf16le' : Buffer.isEncoding(name) && !/^(?:hex|base64|base64url)$/.test(name) ? name : null;
}

function unsupported(type: string | null, done: string): RainException {
  const what = type === null ? "raw bytes have no value: take getBytes(), or give the object a contentType such as 'json'" : null;
  return new RainException(what ?? `'${type}' cannot be ${done} here: take and give its bytes`, { code: 'ERR_CONTENT_TYPE' });
}

function cbor(): Cbor {
  try {
    return createRequire(import.meta.url)('cbor-x') as Cbor;
  } catch (cause) {
    throw new RainException("'cbor' needs a package: npm install cbor-x", { code: 'ERR_CONTENT_TYPE', cause });
  }
}
