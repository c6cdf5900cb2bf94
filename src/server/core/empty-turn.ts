/** A turn in which nothing has happened yet, and a transaction with nothing in it. */
import type { Writes } from '../../store/store.ts';
import type { Turn } from './events.ts';

export function emptyWrites(): Writes {
  return {
    tasks: [],
    clients: [],
    grants: [],
    moves: [],
    attempts: [],
    ends: [],
    reopened: [],
    changed: [],
    removed: [],
    submitters: [],
    counts: null,
  };
}

export function emptyTurn(): Turn {
  return { writes: null, sends: [], cut: [], ended: [], notes: [], joined: [], left: [], lookups: [], refills: [], finish: null };
}
