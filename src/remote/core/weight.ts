/**
 * What a message is taken to weigh in windows of credit: both sides count the same, from what crosses. Not exact, since it looks at the first level only,
 * but never small for what is large: bytes and texts count in full.
 */

/** Of a message that holds next to nothing. */
const least = 256;

/** Bytes, as it were. */
export function weightOf(items: unknown): number {
  if (!Array.isArray(items)) return least + sizeOf(items);
  let weight = least;
  for (let i = 0; i < items.length; i += 1) weight += sizeOf(items[i]);
  return weight;
}

function sizeOf(item: unknown): number {
  if (typeof item === 'string') return item.length;
  if (typeof item !== 'object' || item === null) return 0;
  if (item instanceof Uint8Array) return item.byteLength;
  return Array.isArray(item) ? 64 + 16 * item.length : 64;
}
