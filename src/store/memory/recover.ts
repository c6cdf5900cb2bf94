/** What a server finds of the tasks that are not done: the counterpart of `sqlite/recover.ts`. */
import type { GrantedNumbers } from '../granted.ts';
import { type StoredTask, storedState } from '../store.ts';
import type { Segments } from './segments.ts';

/** The count of ready tasks that are in no grant, and all that wait. */
export function openTasks(segments: Segments, granted: GrantedNumbers): { ready: number; waiting: StoredTask[] } {
  const waiting: StoredTask[] = [];
  let ready = 0;
  segments.scan(undefined, { desc: false }, (segment, i) => {
    if (segment.state[i] === storedState.waiting) waiting.push(segment.stored(i));
    else if (segment.state[i] === storedState.ready && !granted.has(segment.first + i)) ready++;
    return true;
  });
  return { ready, waiting };
}
