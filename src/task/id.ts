/**
 * Public ids of tasks: UUID v7, computed, not stored.
 *
 * Layout (RFC 9562): 48 bits submission time in ms, version 7, 34 bits of the store's salt (12 in rand_a, 22 in rand_b), 40 bits of
 * the task's number. So ids are monotonic, unique across stores but for a 34-bit collision in the same millisecond and number,
 * and id → number needs no index: an index on random ids falls to 38 k inserts/s past the cache.
 */
import { MillraceError } from '../base/errors.ts';
import type { WireTask } from './task.ts';

/** Numbers stay below this (10^12 tasks in one store). */
export const taskNumberLimit: number = 2 ** 40;

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The salt of a new store from 34 random bits: 9 hex digits, the first 0 to 3. */
export function makeSalt(random: number): string {
  return Math.floor(random * 2 ** 34)
    .toString(16)
    .padStart(9, '0');
}

/** What the ids of all tasks that were submitted at `submittedAt` (epoch ms) to the store with this salt begin with. */
function prefixOf(salt: string, submittedAt: number): string {
  const time = submittedAt.toString(16).padStart(12, '0');
  const high = Number.parseInt(salt.slice(0, 3), 16); // 10 bits
  const low = Number.parseInt(salt.slice(3), 16); // 24 bits
  const randA = ((high << 2) | (low >>> 22)).toString(16).padStart(3, '0'); // 12 bits
  const rest = low & 0x3fffff; // 22 bits
  const clock = (0x8000 | (rest >>> 8)).toString(16); // variant 10 + 14 bits
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randA}-${clock}-${(rest & 0xff).toString(16).padStart(2, '0')}`;
}

/** The public id of task `n`, submitted at `submittedAt` (epoch ms), in the store with this salt. */
export function taskId(salt: string, submittedAt: number, n: number): string {
  return prefixOf(salt, submittedAt) + n.toString(16).padStart(10, '0');
}

/** The public id of an accepted task: the user's own, else the one that follows from its number. */
export function publicId({ n, submittedAt, task }: { n: number; submittedAt: number; task: WireTask }, salt: string): string {
  return task[3]?.id ?? taskId(salt, submittedAt, n);
}

/** The last two digits of an id. */
const pairs: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Ids of many tasks of one store: those of one bundle begin alike (1.7 µs an id without that, 0.2 with it), and those of neighbours but for two digits. */
export class TaskIds {
  readonly #salt: string;
  #submittedAt = -1;
  #block = -1;
  #prefix = '';
  #start = '';

  constructor(salt: string) {
    this.#salt = salt;
  }

  of(submittedAt: number, n: number): string {
    const low = n % 256;
    const block = (n - low) / 256;
    if (submittedAt !== this.#submittedAt) {
      this.#submittedAt = submittedAt;
      this.#prefix = prefixOf(this.#salt, submittedAt);
      this.#block = -1;
    }
    if (block !== this.#block) {
      this.#block = block;
      this.#start = this.#prefix + block.toString(16).padStart(8, '0');
    }
    return this.#start + pairs[low]!;
  }
}

/** The number in an id made by `taskId` with the same salt, with its submission time; null for an id that is not from this store. */
export function taskNumber(salt: string, id: string): { n: number; submittedAt: number } | null {
  if (!pattern.test(id)) return null;
  const n = Number.parseInt(id.slice(26), 16);
  const submittedAt = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return taskId(salt, submittedAt, n) === id ? { n, submittedAt } : null;
}

/** A UUID as users give it, in lower case. */
export function parseTaskId(text: string): string {
  const id = text.toLowerCase();
  if (!pattern.test(id)) throw new MillraceError('ERR_TASK', `the id of a task must be a UUID, not ${JSON.stringify(text)}`);
  return id;
}
