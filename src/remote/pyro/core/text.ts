/** A value of another side as text: an object that came in may have a field `toString`, by which the language would fail. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
