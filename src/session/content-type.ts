/** What a data object holds, as a word: which words there are, and what two of them together are. */
import { didYouMean } from '../base/nearest.ts';
import { RainException } from './exceptions.ts';

const names: readonly string[] = ['pickle', 'cloudpickle', 'json', 'cbor', 'arrow', 'text', 'dir', 'protobuf'];
/** `text-latin1`, `protobuf/Person`, `mime/image/png`, `user/mine`. */
const families = /^(?:text-[\w-]+|(?:protobuf|mime|user)\/\S+)$/;

/** The type; null: raw bytes. @throws RainException (ERR_CONTENT_TYPE) for a word that is none */
export function contentTypeOf(value: string | null | undefined): string | null {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string' && (names.includes(value) || families.test(value))) return value;
  const known = `${names.join(', ')}, text-…, protobuf/…, mime/… or user/…`;
  const meant = typeof value === 'string' ? didYouMean(value, names) : '';
  throw new RainException(`a content type is ${known}; it is ${JSON.stringify(value)}.${meant}`, { code: 'ERR_CONTENT_TYPE' });
}

/** Whether what is of `type` may stand where `wanted` is: both the same, or a narrower one (`text-latin1` of `text`). */
export function isSubtype(type: string | null, wanted: string | null): boolean {
  if (wanted === null || type === wanted) return true;
  if (type === null) return false;
  return type.startsWith(`${wanted}-`) || type.startsWith(`${wanted}/`) || (type === 'pickle' && wanted === 'cloudpickle');
}

/**
 * The narrower of two types that are told of the same bytes.
 * @throws RainException (ERR_CONTENT_TYPE) when neither is of the other's kind
 */
export function mergeContentTypes(a: string | null, b: string | null): string | null {
  if (isSubtype(b, a)) return b ?? a;
  if (isSubtype(a, b)) return a ?? b;
  if (b === 'pickle' && a === 'cloudpickle') return 'cloudpickle';
  throw new RainException(`what is ${JSON.stringify(a)} cannot be ${JSON.stringify(b)}`, { code: 'ERR_CONTENT_TYPE' });
}
