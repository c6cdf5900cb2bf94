/**
 * The rules for tags: what a key and a value may be, in an object and as text.
 *
 * As text (`key` or `key:value`) every value is a string: `sample:007` stays `007`. Only an object can carry numbers,
 * booleans and null.
 */
import { MillraceError } from '../base/errors.ts';
import type { Tags, TagValue } from './task.ts';

const keyPattern = /^[A-Za-z0-9_.+-]{1,120}$/;
/** What a key may be, in words. */
export const tagKeyRule = '1 to 120 of A-Z a-z 0-9 _ . + -';

const valuePattern = /^[A-Za-z0-9_.+-]{0,120}$/;

/** True for what may be the key of a tag. `__proto__` may not: as a key it would change the object instead. */
export function isTagKey(key: string): boolean {
  return keyPattern.test(key) && key !== '__proto__';
}

/**
 * One tag as text: `key` (value '') or `key:value`, split at the first colon.
 * @throws ERR_TAG
 */
export function parseTag(text: string): [key: string, value: string] {
  const colon = text.indexOf(':');
  const key = colon === -1 ? text : text.slice(0, colon);
  const value = colon === -1 ? '' : text.slice(colon + 1);
  checkTag(key, value);
  return [key, value];
}

/**
 * A copy of an object of tags, checked.
 * @throws ERR_TAG
 */
export function checkTags(tags: unknown): Tags {
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) {
    throw new MillraceError('ERR_TAG', "tags must be an object such as { site: 'north', run: 7 }");
  }
  const checked: Tags = {};
  for (const [key, value] of Object.entries(tags)) {
    if (value === undefined) continue;
    checkTag(key, value);
    checked[key] = value;
  }
  return checked;
}

function checkTag(key: string, value: unknown): asserts value is TagValue {
  if (!isTagKey(key)) {
    throw new MillraceError('ERR_TAG', `the key of a tag must be ${tagKeyRule} (not '__proto__'); it is ${shown(key)}`, {
      details: { key: key.slice(0, 200) },
    });
  }
  const fine =
    typeof value === 'string' ? valuePattern.test(value) : value === null || typeof value === 'boolean' || Number.isFinite(value);
  if (!fine) {
    throw new MillraceError(
      'ERR_TAG',
      `the value of tag '${key}' must be up to 120 of A-Z a-z 0-9 _ . + -, or a finite number, a boolean or null; it is ${shown(value)}`,
      { details: { key } },
    );
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 200)) : typeof value === 'object' ? 'an object' : String(value);
}
