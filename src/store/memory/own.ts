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

/** Which task has a key: the first of a series that repeats, and when that is gone the next one. */
export class Keys {
  readonly first: Map<string, number> = new Map();
  readonly #later: Map<string, number[]> = new Map();

  add(key: string, n: number): void {
    if (!this.first.has(key)) this.first.set(key, n);
    else if (this.#later.has(key)) this.#later.get(key)!.push(n);
    else this.#later.set(key, [n]);
  }

  /** All tasks that have it. */
  all(key: string): number[] {
    const first = this.first.get(key);
    return first === undefined ? [] : [first, ...(this.#later.get(key) ?? [])];
  }

  drop(key: string, n: number): void {
    const later = this.#later.get(key);
    if (this.first.get(key) === n) {
      const next = later?.shift();
      if (next === undefined) this.first.delete(key);
      else this.first.set(key, next);
    } else later?.splice(later.indexOf(n) >>> 0, 1);
    if (later?.length === 0) this.#later.delete(key);
  }
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
