/**
 * Idempotency keys of a submission's tasks, made of what they run: the same source submitted again adds nothing, whatever was inserted
 * into it. Equal tasks are told apart by their number among their equals, so that a file with the same line twice runs it twice, once.
 *
 * What makes a task: its kind, command (after the template), input, environment, directory, named fields and cron line; of tags and
 * group what it does not have from the options of the submission. What it needs of a client and how often it is tried may change.
 */
import { hash } from 'node:crypto';
import type { TaskAttributes, WireTask } from '../task/task.ts';

/** What the keys begin with. */
const contentPrefix = 'content:';

export class ContentKeys {
  readonly #defaults: TaskAttributes | null;
  readonly #counts: HashCounts = new HashCounts();

  /** `defaults`: what the options of the submission give to every task. */
  constructor(defaults: TaskAttributes | null) {
    this.#defaults = defaults;
  }

  /** The key of the next task of the submission. */
  keyOf([kind, args, input, attributes]: WireTask): string {
    // Bytes may be large: hashed by themselves, they are 44 characters of the text.
    const text = input instanceof Uint8Array ? hash('sha256', input, 'base64') : (input ?? '');
    const shape = input === null ? 'n' : typeof input === 'string' ? 's' : 'b';
    return this.#key(`${kind}${shape}${args.length},${text.length} ${args}${text}${this.#rest(attributes)}`);
  }

  /** The key of a task that was refused: what was given, and why. */
  keyOfRejected(given: string): string {
    return this.#key(`r${given}`);
  }

  #key(content: string): string {
    const digest = hash('sha256', content, 'buffer');
    const count = this.#counts.add(digest.readUInt32LE(0), digest.readUInt32LE(4));
    const name = contentPrefix + digest.toString('base64url', 0, 16);
    return count === 1 ? name : `${name}#${count}`;
  }

  #rest(attributes: TaskAttributes | null): string {
    if (attributes === null || attributes === this.#defaults) return '';
    const { env, cwd, fields, cron, timezone, group, tags } = attributes;
    const own: [string, unknown][] = [];
    if (group !== undefined && group !== this.#defaults?.group) own.push(['group', group]);
    if (cwd !== undefined) own.push(['cwd', cwd]);
    if (cron !== undefined) own.push(['cron', cron, timezone] as never);
    const ownEnv = notCommon(env, this.#defaults?.env);
    if (ownEnv.length > 0) own.push(['env', ownEnv]);
    if (fields !== undefined) own.push(['fields', sorted(fields)]);
    const ownTags = notCommon(tags, this.#defaults?.tags);
    if (ownTags.length > 0) own.push(['tags', ownTags]);
    return own.length === 0 ? '' : `\0${JSON.stringify(own)}`;
  }
}

/** What a task has of its own, and not from the options of the submission. */
function notCommon(own: Readonly<Record<string, unknown>> = {}, common: Readonly<Record<string, unknown>> = {}): [string, unknown][] {
  return sorted(own).filter(([key, value]) => !Object.hasOwn(common, key) || common[key] !== value);
}

function sorted(object: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * How often each hash was seen: open addressing in one typed array, 12 bytes a place, at most 3/4 full. 1,000,000 different lines take
 * 25 MB, and 38 MB for the moment in which it grows; as a `Map` of texts they would take 120 MB.
 */
class HashCounts {
  #places = 1_024;
  #used = 0;
  #table: Uint32Array = new Uint32Array(1_024 * 3);

  /** The number of times that it was added, this one included. */
  add(low: number, high: number): number {
    const at = this.#find(low, high);
    const count = this.#table[at + 2]! + 1;
    this.#table[at] = low;
    this.#table[at + 1] = high;
    this.#table[at + 2] = count;
    if (count === 1 && ++this.#used > this.#places * 0.75) this.#grow();
    return count;
  }

  #find(low: number, high: number): number {
    const table = this.#table;
    let place = low & (this.#places - 1);
    while (table[place * 3 + 2] !== 0 && (table[place * 3] !== low || table[place * 3 + 1] !== high))
      place = (place + 1) & (this.#places - 1);
    return place * 3;
  }

  #grow(): void {
    const old = this.#table;
    this.#places *= 2;
    this.#table = new Uint32Array(this.#places * 3);
    for (let at = 0; at < old.length; at += 3) {
      if (old[at + 2] === 0) continue;
      this.#table.set(old.subarray(at, at + 3), this.#find(old[at]!, old[at + 1]!));
    }
  }
}
