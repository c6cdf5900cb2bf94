/** A turn in which nothing has happened yet. */
import type { Turn } from './events.ts';

export function emptyTurn(): Turn {
  return { writes: null, sends: [], cut: [], ended: [], notes: [], joined: [], left: [], lookups: [], refills: [], finish: null };
}
