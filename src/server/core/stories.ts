/** How a task ended, in words for those whom it stops: tasks that depend on it, and later groups. */
import type { AttemptEnd } from '../../store/store.ts';
import { publicId } from '../../task/id.ts';
import { outcomeCode, outcomes } from '../../task/result.ts';
import type { CoreTask } from './entities.ts';

/** As the store answers: there is no such task. */
export const unknown = -1;

/** Characters of a command line that are told. */
const longestArgs = 100;

/** What follows "task … ". */
export function ending(outcome: number): string {
  switch (outcome) {
    case outcomeCode.failed:
      return 'failed';
    case outcomeCode.cancelled:
      return 'was cancelled';
    case outcomeCode.timeout:
      return 'ran out of time';
    case outcomeCode.lost:
      return 'was lost with its clients';
    case outcomeCode.rejected:
      return 'was rejected';
    default:
      return outcome === unknown ? 'does not exist any more' : `ended as ${outcomes[outcome]}`;
  }
}

/** Which task it was, what became of it, and what it was to run. */
export function failureStory({ n, submittedAt, wire }: CoreTask, end: AttemptEnd, salt: string): string {
  const [, args] = wire;
  const id = publicId({ n, submittedAt, task: wire }, salt);
  const status = end.exitStatus === null || end.exitStatus === 0 ? '' : ` with exit status ${end.exitStatus}`;
  return `task ${id} ${ending(end.outcome)}${status}: ${args.length > longestArgs ? `${args.slice(0, longestArgs)}…` : args}`;
}
