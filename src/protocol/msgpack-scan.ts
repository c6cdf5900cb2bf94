/**
 * A look over msgpack bytes before they are decoded: is it one whole value of the allowed kinds, within bounds?
 *
 * The decoder allocates what a header claims (5 bytes can claim 256 MiB of array) and recurses as deep as the bytes say, so it only
 * gets bytes that passed here. Allowed: nil, booleans, numbers, strings, binary, arrays, and maps whose keys are strings.
 * Refused: extensions (they build classes), 64-bit integers (only a bigint makes them; numbers above 32 bits travel as doubles), other
 * keys, `__proto__` as a key, more or fewer bytes than the value has.
 */
import { MillraceError } from '../base/errors.ts';
import type { Limits } from './limits.ts';

export type ScanLimits = Pick<Limits, 'depth' | 'items' | 'containers'>;

const proto = [...'__proto__'].map((letter) => letter.charCodeAt(0));

function refuse(what: string): never {
  throw new MillraceError('ERR_PROTOCOL', `a frame was refused: ${what}`);
}

/** One scanner may be used again and again: its stack is allocated once. */
export class MsgpackScanner {
  readonly #limits: ScanLimits;
  /** Values still to come in each open container; maps count keys and values. */
  readonly #open: Float64Array;
  readonly #isMap: Uint8Array;

  constructor(limits: ScanLimits) {
    this.#limits = limits;
    this.#open = new Float64Array(limits.depth + 1);
    this.#isMap = new Uint8Array(limits.depth + 1);
  }

  /** Throws `ERR_PROTOCOL` unless `bytes[start, end)` is exactly one allowed value. */
  scan(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const open = this.#open;
    const isMap = this.#isMap;
    const { depth: deepest, items: mostItems, containers: mostContainers } = this.#limits;
    let at = start;
    let depth = 0;
    let items = 0;
    let containers = 0;
    open[0] = 1;
    isMap[0] = 0;
    for (;;) {
      while (open[depth] === 0) {
        if (depth === 0) {
          if (at !== end) refuse('bytes after its end');
          return;
        }
        depth--;
      }
      const left = open[depth]!;
      open[depth] = left - 1;
      if (at >= end) refuse('it ends too early');
      if (++items > mostItems) refuse(`more than ${mostItems} values`);
      const token = bytes[at++]!;
      // A map's count is even where a key is due.
      if (isMap[depth] === 1 && left % 2 === 0) {
        at = stringKey(bytes, token, at, end);
        continue;
      }
      if (token < 0x80 || token >= 0xe0) continue;
      let count = -1;
      let map = 0;
      if (token < 0x90) {
        count = (token & 15) * 2;
        map = 1;
      } else if (token < 0xa0) {
        count = token & 15;
      } else if (token < 0xc0) {
        at += token & 31;
      } else {
        switch (token) {
          case 0xc0:
          case 0xc2:
          case 0xc3:
            break;
          case 0xc4:
          case 0xd9:
            at += 1 + unsigned(bytes, at, 1, end);
            break;
          case 0xc5:
          case 0xda:
            at += 2 + unsigned(bytes, at, 2, end);
            break;
          case 0xc6:
          case 0xdb:
            at += 4 + unsigned(bytes, at, 4, end);
            break;
          case 0xcc:
          case 0xd0:
            at += 1;
            break;
          case 0xcd:
          case 0xd1:
            at += 2;
            break;
          case 0xca:
          case 0xce:
          case 0xd2:
            at += 4;
            break;
          case 0xcb:
            at += 8;
            break;
          case 0xdc:
          case 0xde:
            count = unsigned(bytes, at, 2, end) * (token === 0xde ? 2 : 1);
            map = token === 0xde ? 1 : 0;
            at += 2;
            break;
          case 0xdd:
          case 0xdf:
            count = unsigned(bytes, at, 4, end) * (token === 0xdf ? 2 : 1);
            map = token === 0xdf ? 1 : 0;
            at += 4;
            break;
          default:
            refuse(`type 0x${token.toString(16)} is not allowed`);
        }
      }
      if (at > end) refuse('a length beyond its end');
      if (count < 0) continue;
      if (count > end - at) refuse(`a claim of ${count} values in ${end - at} bytes`);
      if (++containers > mostContainers) refuse(`more than ${mostContainers} arrays and maps`);
      if (++depth > deepest) refuse(`nested deeper than ${deepest}`);
      open[depth] = count;
      isMap[depth] = map;
    }
  }
}

function unsigned(bytes: Uint8Array, at: number, size: number, end: number): number {
  if (at + size > end) refuse('it ends too early');
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

/** Skips a key; returns where its value starts. */
function stringKey(bytes: Uint8Array, token: number, after: number, end: number): number {
  let at = after;
  let length = 0;
  if (token >= 0xa0 && token < 0xc0) length = token & 31;
  else if (token >= 0xd9 && token <= 0xdb) {
    const size = 1 << (token - 0xd9);
    length = unsigned(bytes, at, size, end);
    at += size;
  } else refuse('a key that is not a string');
  if (at + length > end) refuse('a length beyond its end');
  if (length === proto.length && proto.every((letter, i) => bytes[at + i] === letter)) refuse('a key named __proto__');
  return at + length;
}
