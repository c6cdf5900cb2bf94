/** Small checks of plain data, and how they combine. A check says whether a value fits; it never throws and never changes anything. */
import { taskNumberLimit } from '../task/id.ts';

export type Check = (value: unknown) => boolean;

export const none: Check = () => true;
export const bool: Check = (value) => typeof value === 'boolean';
export const text: Check = (value) => typeof value === 'string';
export const finite: Check = (value) => typeof value === 'number' && Number.isFinite(value);
/** 0 to 2^53 - 1: numbers of tasks, grants, requests. */
export const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
/** 0 to 2^32 - 1: how many. */
export const count: Check = (value) => whole(value) && (value as number) < 2 ** 32;
export const binaryOrText: Check = (value) => typeof value === 'string' || value instanceof Uint8Array;
export const scalar: Check = (value) => value === null || typeof value === 'string' || typeof value === 'boolean' || finite(value);

export const nullable =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

export const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);

export const array =
  (check: Check): Check =>
  (value) => {
    if (!Array.isArray(value)) return false;
    for (let i = 0; i < value.length; i++) if (!check(value[i])) return false;
    return true;
  };

/** Exactly these items. */
export const tuple =
  (...checks: readonly Check[]): Check =>
  (value) => {
    if (!Array.isArray(value) || value.length !== checks.length) return false;
    for (let i = 0; i < checks.length; i++) if (!checks[i]!(value[i])) return false;
    return true;
  };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

/** Any keys. */
export const record =
  (check: Check): Check =>
  (value) => {
    if (!isObject(value)) return false;
    for (const key in value) if (!check(value[key])) return false;
    return true;
  };

/** All of these keys, and no others but the optional ones. */
export const plain =
  (required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check =>
  (value) => {
    if (!isObject(value)) return false;
    let found = 0;
    for (const key in value) {
      if (Object.hasOwn(required, key)) {
        if (!required[key]!(value[key])) return false;
        found++;
      } else if (!Object.hasOwn(optional, key) || !optional[key]!(value[key])) return false;
    }
    return found === Object.keys(required).length;
  };

/** Ranges name at most so many tasks: two numbers must not be able to claim billions. */
const mostInRanges = 65_536;

/** Ascending ranges [first, last, first, last…]. */
export const ranges: Check = (value) => {
  if (!Array.isArray(value) || value.length % 2 !== 0) return false;
  let least = 0;
  let named = 0;
  for (let i = 0; i < value.length; i += 2) {
    const first: unknown = value[i];
    const last: unknown = value[i + 1];
    if (!whole(first) || !whole(last)) return false;
    if ((first as number) < least || (last as number) < (first as number) || (last as number) >= taskNumberLimit) return false;
    named += (last as number) - (first as number) + 1;
    if (named > mostInRanges) return false;
    least = (last as number) + 1;
  }
  return true;
};
