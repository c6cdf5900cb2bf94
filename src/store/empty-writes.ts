/** A transaction with nothing in it, to be filled. */
import type { Writes } from './store.ts';

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
    departed: [],
    counts: null,
  };
}
