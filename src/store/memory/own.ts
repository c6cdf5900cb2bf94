/** What the store keeps must be its own: a view into a frame would keep the whole frame. And look-ups in its maps. */
import type { AttemptEnd } from '../store.ts';
import { ownBytes } from './segment.ts';

/** The numbers of the texts that are known. */
export function pick(all: ReadonlyMap<string, number>, wanted: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const text of wanted) {
    const n = all.get(text);
    if (n !== undefined) found.set(text, n);
  }
  return found;
}

/** An end whose bytes are copies. */
export function ownExtra(end: AttemptEnd): AttemptEnd {
  const extra = end.extra;
  if (extra === null) return end;
  const { stdout, stderr, value } = extra;
  if (typeof stdout !== 'object' && typeof stderr !== 'object' && typeof value !== 'object') return end;
  return {
    ...end,
    extra: {
      ...extra,
      ...(stdout === undefined ? {} : { stdout: ownBytes(stdout) }),
      ...(stderr === undefined ? {} : { stderr: ownBytes(stderr) }),
      ...(value === undefined ? {} : { value: ownBytes(value) }),
    },
  };
}
