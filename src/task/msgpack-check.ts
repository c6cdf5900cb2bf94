/**
 * Looks over plain msgpack before it is decoded: every length that it claims must be there, nothing nests beyond a few
 * levels, and no extension type stands in it. A header of five bytes could otherwise claim 256 MiB, once a level.
 */
const deepest = 4;

/**
 * Returns when the bytes are one whole plain msgpack value without extensions.
 * @throws TypeError
 */
export function checkPlainMsgpack(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const left: number[] = [1]; // values still to come, by level
  let at = 0;
  while (left.length > 0) {
    if (left.at(-1) === 0) {
      left.pop();
      continue;
    }
    left[left.length - 1]! -= 1;
    if (at >= bytes.length) throw new TypeError('truncated');
    const token = bytes[at]!;
    at += 1;
    let items = -1;
    if (token >= 0x80 && token < 0x90) items = 2 * (token & 0x0f);
    else if (token >= 0x90 && token < 0xa0) items = token & 0x0f;
    else if (token >= 0xa0 && token < 0xc0) at += token & 0x1f;
    else if (token >= 0xc0 && token < 0xe0) {
      const size = lengthBytes(token);
      if (at + size > bytes.length) throw new TypeError('truncated');
      const length = size === 0 ? 0 : size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
      at += size;
      if (token === 0xdc || token === 0xdd) items = length;
      else if (token === 0xde || token === 0xdf) items = 2 * length;
      else at += length + fixedBytes(token);
    }
    if (at > bytes.length) throw new TypeError('truncated');
    if (items < 0) continue;
    if (items > bytes.length - at) throw new TypeError('it claims more items than there are bytes');
    if (left.length > deepest) throw new TypeError('it nests too deep');
    left.push(items);
  }
  if (at !== bytes.length) throw new TypeError('something follows the value');
}

/** Bytes of the length field behind this token; refuses what is no plain msgpack. */
function lengthBytes(token: number): 0 | 1 | 2 | 4 {
  if (token === 0xc1 || (token >= 0xc7 && token <= 0xc9) || (token >= 0xd4 && token <= 0xd8)) throw new TypeError('an extension');
  if (token === 0xc4 || token === 0xd9) return 1;
  if (token === 0xc5 || token === 0xda || token === 0xdc || token === 0xde) return 2;
  if (token === 0xc6 || token === 0xdb || token === 0xdd || token === 0xdf) return 4;
  return 0;
}

/** Bytes of the numbers. */
function fixedBytes(token: number): number {
  if (token === 0xcc || token === 0xd0) return 1;
  if (token === 0xcd || token === 0xd1) return 2;
  if (token === 0xca || token === 0xce || token === 0xd2) return 4;
  if (token === 0xcb || token === 0xcf || token === 0xd3) return 8;
  return 0;
}
