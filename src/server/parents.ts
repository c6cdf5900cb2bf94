/**
 * What a client may ask for: how the tasks ended that one of its functions depends on. Only for a task that is leased to it, and only what
 * fits into one answer.
 */
import { MillraceError } from '../base/errors.ts';
import type { TaskRow } from '../store/store.ts';
import { publicId } from '../task/id.ts';
import { outcomeCode } from '../task/result.ts';
import { bytesOf, largestPayload } from '../task/size.ts';
import type { Link } from './link.ts';
import type { RequestContext, RequestHandler } from './requests.ts';

/** As the client's `ParentEnd`. */
interface ParentAnswer {
  id: string;
  outcome: number;
  value: string | Uint8Array | null;
  stdout: string | Uint8Array | null;
  valuePath?: string;
}

async function parents({ core, store, salt }: RequestContext, link: Link, parameters: unknown): Promise<ParentAnswer[]> {
  const n: unknown = typeof parameters === 'object' && parameters !== null && 'n' in parameters ? parameters.n : undefined;
  const task = typeof n === 'number' ? core.task(n) : null;
  if (task === null || task.grant?.client.connection !== link.connection.id)
    throw new MillraceError('ERR_STATE', 'the task is not leased to this client any more');
  const { parents: numbers = [], dependsOn = [] } = task.attributes ?? {};
  const rows = new Map((await store.find({ numbers, limit: numbers.length })).map((row) => [row.n, row]));
  let bytes = 0;
  return numbers.map((number, place) => {
    const row = rows.get(number);
    const answer = row === undefined ? forgotten(dependsOn[place]) : answerOf(row, salt);
    bytes += bytesOf(answer.value) + bytesOf(answer.stdout);
    if (bytes > largestPayload)
      throw new MillraceError(
        'ERR_FRAME_TOO_LARGE',
        `what the parents of this task gave is over ${largestPayload} bytes together: write it to files and return their paths`,
      );
    return answer;
  });
}

function answerOf(row: TaskRow, salt: string): ParentAnswer {
  const { value = null, stdout = null, valuePath } = row.end?.extra ?? {};
  const answer: ParentAnswer = { id: publicId(row, salt), outcome: row.end?.outcome ?? outcomeCode.none, value, stdout };
  if (valuePath !== undefined) answer.valuePath = valuePath;
  return answer;
}

/** Deleted since, or not retained: that it ended is certain, how is not. */
function forgotten(id = ''): ParentAnswer {
  return { id, outcome: outcomeCode.none, value: null, stdout: null };
}

/** After it whoever has waited was served, and it is known who has gone. */
const nextRound = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Requests that one client may make, answered one at a time, each in a round of the event loop: a few bytes ask for an answer of 14 MiB, so of many in
 * one frame only those are read from the store that are on their way, and none for a client that was cut off because it does not read them.
 */
export function clientRequests(): Readonly<Record<string, RequestHandler>> {
  let last: Promise<void> = Promise.resolve();
  return {
    parents(context, link, parameters) {
      const answer = last.then(() => parents(context, link, parameters));
      last = answer.then(nextRound, nextRound);
      return answer;
    },
  };
}
