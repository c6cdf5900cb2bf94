/** The order of the queue: by group, then rank, then number. */
import type { QueueKey } from '../../store/store.ts';

/** Ready, in queue order before another. */
export function before(a: QueueKey, b: QueueKey): boolean {
  if (a.group !== b.group) return a.group < b.group;
  if (a.rank !== b.rank) return a.rank < b.rank;
  return a.n < b.n;
}
