/**
 * Between the shapes of the port and what the columns hold. JSON carries everything but bytes; a place that holds bytes says `true`,
 * and the bytes travel apart (`payload`), so that large output is written once and never escaped.
 */
import type { ResultExtra } from '../../task/result.ts';
import type { TaskAttributes, WireTask } from '../../task/task.ts';
import { type AttemptEnd, type ClientRow, type StoredTask, storedState, type TaskRow } from '../store.ts';
import type { Row, Value } from './driver.ts';

/** The attempt under which `payload` keeps a task's input. */
export const inputPayload = -1;

/** Finds the bytes of a task's input or of one of its attempts. */
export type PayloadReader = (n: number, attempt: number) => Uint8Array | null;

type TaskText = [submittedAt: number, kind: number, args: string, input: string | true | null, attributes: TaskAttributes | null];
type ExtraText = Omit<ResultExtra, 'stdout' | 'stderr' | 'value'> & { [field in ByteField]?: string | true };
type EndText = [
  attempt: number,
  exitStatus: number | null,
  client: number | null,
  slot: number | null,
  startedAt: number | null,
  durationMs: number,
  completedAt: number,
  waitedMs: number,
  extra: ExtraText | null,
];

type StoredText = [
  n: number,
  state: number,
  group: number,
  rank: number,
  attempts: number,
  losses: number,
  readyAt: number | null,
  lane: string | null,
  task: TaskText,
];
type RecordText = [
  n: number,
  state: number,
  group: number,
  attempts: number,
  losses: number,
  outcome: number,
  task: TaskText,
  end: EndText | null,
];

const byteFields = ['stdout', 'stderr', 'value'] as const;
type ByteField = (typeof byteFields)[number];

/**
 * Texts longer than this travel as a parameter of their own, not inside a list, which SQLite parses and copies for the values that it
 * picks. Alone against in a list: at 100 characters 1.0-1.6 times the time, at 1,000 the same, at 16,000 0.6, at 1,000,000 0.3.
 */
const longText = 1_024;

/** A task as `insertTasks` reads it, `insertTasksOfLanes`, or `insertTasksInFull` where it has more; `alone`: for `insertTask`, as `single` (the only one of its commit) and long ones go. */
export function taskItem(stored: StoredTask, single = false): { item: unknown[]; form: 'plain' | 'lane' | 'full' | 'alone' } {
  const { task } = stored;
  const args = task[1];
  const input = task[2];
  const attributes = task[3];
  const text: TaskText = [stored.submittedAt, task[0], args, input instanceof Uint8Array ? true : input, attributes];
  const item: unknown[] = [stored.n, stored.state, stored.group, stored.rank, text];
  const { attempts, losses, readyAt, lane } = stored;
  const key = attributes?.key;
  const id = attributes?.id;
  const alone = single || args.length + (typeof input === 'string' ? input.length : 0) > longText;
  const plain = key === undefined && id === undefined && attempts === 0 && losses === 0 && readyAt === null;
  if (plain && !alone) return lane === null ? { item, form: 'plain' } : { item: [...item, quoted(lane)], form: 'lane' };
  const own = (given: string | null | undefined): string | null => (given === undefined || given === null ? null : quoted(given));
  item.push(attempts, losses, readyAt, own(key), own(id), own(lane));
  return { item, form: alone ? 'alone' : 'full' };
}

/** The values of an item that goes alone: what is JSON in the list is text here. */
export function valuesOf(item: readonly unknown[]): Value[] {
  return item.map((value) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as Value)));
}

/** A user's text as it stands in a column of its own. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

export type EndItem = [n: number, outcome: number, text: EndText];

/** An end as an item of a list, and its bytes apart; `alone`: too long for a list, or `single`. */
export function endItem(end: AttemptEnd, single = false): { item: EndItem; bytes: Uint8Array | null; alone: boolean } {
  const { extra, bytes } = splitExtra(end.extra);
  const { attempt, exitStatus, client, slot, startedAt, durationMs, completedAt, waitedMs } = end;
  const text: EndText = [attempt, exitStatus, client, slot, startedAt, durationMs, completedAt, waitedMs, extra];
  let length = 0;
  if (extra !== null) for (const value of Object.values(extra)) if (typeof value === 'string') length += value.length;
  return { item: [end.n, end.outcome, text], bytes, alone: single || length > longText };
}

/** Bytes of the three fields one after the other, each behind its length; 2^32 - 1: absent. */
function splitExtra(extra: ResultExtra | null): { extra: ExtraText | null; bytes: Uint8Array | null } {
  if (extra === null) return { extra: null, bytes: null };
  const found = byteFields.map((field) => (extra[field] instanceof Uint8Array ? extra[field] : null));
  if (found.every((bytes) => bytes === null)) return { extra: extra as ExtraText, bytes: null };
  const parts: Uint8Array[] = [];
  const text = { ...extra } as ExtraText;
  for (const [i, bytes] of found.entries()) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes === null ? 0xffffffff : bytes.byteLength);
    parts.push(length);
    if (bytes === null) continue;
    parts.push(bytes);
    text[byteFields[i] as ByteField] = true;
  }
  return { extra: text, bytes: Buffer.concat(parts) };
}

/** Without bytes: what is not read is left out. */
function joinExtra(text: ExtraText, container: Uint8Array | null): ResultExtra {
  const extra = { ...text } as ResultExtra;
  if (container === null) {
    for (const field of byteFields) if (text[field] === true) delete extra[field];
    return extra;
  }
  const bytes = Buffer.from(container.buffer, container.byteOffset, container.byteLength);
  let at = 0;
  for (const field of byteFields) {
    const length = bytes.readUInt32LE(at);
    at += 4;
    if (length === 0xffffffff) continue;
    extra[field] = new Uint8Array(bytes.subarray(at, at + length));
    at += length;
  }
  return extra;
}

function wireTask(n: number, text: TaskText, payload: PayloadReader, args = text[2]): WireTask {
  const input = text[3];
  return [text[1], args, input === true ? (payload(n, inputPayload) ?? new Uint8Array(0)) : input, text[4]];
}

/** Of a task in the text of `readyPage`. */
const valuesPerTask = 6;

/** A row of `storedRow`. */
export function storedTask(row: Row, payload: PayloadReader): StoredTask {
  return taskOf(JSON.parse(String(row.row)) as StoredText, payload);
}

/** What a page of `readyPage` of this group and rank holds; null: not all of it. */
export function storedTasks(row: Row | undefined, group: number, rank: number, payload: PayloadReader): StoredTask[] | null {
  if (row === undefined || row.page === null) return Number(row?.partial ?? 0) === 1 ? null : [];
  if (Number(row.partial) === 1) return null;
  const values = JSON.parse(String(row.page)) as unknown[];
  const tasks: StoredTask[] = [];
  // As the reader of messages does: tasks of one function share its name, 64 bytes that would else be kept with each of them.
  let args = '';
  for (let at = 0; at < values.length; at += valuesPerTask) {
    const n = values[at] as number;
    const text = values[at + 5] as TaskText;
    if (text[2] !== args) args = text[2];
    tasks.push({
      group,
      rank,
      n,
      submittedAt: text[0],
      lane: values[at + 4] as string | null,
      task: wireTask(n, text, payload, args),
      state: storedState.ready,
      attempts: values[at + 1] as number,
      losses: values[at + 2] as number,
      readyAt: values[at + 3] as number | null,
    });
  }
  return tasks;
}

/**
 * By places: what is taken apart as a list goes through an iterator, for which V8 makes an object each step until it has compiled the place, and then much code.
 * Without that in a task's way, and with its numbers in pages, 50,000 durable calls took 34.6 µs of processor time each instead of 36.6, and 233 MB instead of 244.
 */
function taskOf(stored: StoredText, payload: PayloadReader): StoredTask {
  const n = stored[0];
  const text = stored[8];
  return {
    group: stored[2],
    rank: stored[3],
    n,
    submittedAt: text[0],
    lane: stored[7],
    task: wireTask(n, text, payload),
    state: stored[1],
    attempts: stored[4],
    losses: stored[5],
    readyAt: stored[6],
  };
}

function attemptEnd(n: number, outcome: number, text: EndText, payload: PayloadReader): AttemptEnd {
  const [attempt, exitStatus, client, slot, startedAt, durationMs, completedAt, waitedMs, extra] = text;
  const hasBytes = extra !== null && byteFields.some((field) => extra[field] === true);
  return {
    n,
    attempt,
    outcome,
    exitStatus,
    client,
    slot,
    startedAt,
    durationMs,
    completedAt,
    waitedMs,
    extra: extra === null ? null : joinExtra(extra, hasBytes ? payload(n, attempt) : null),
  };
}

/** A row of the table `attempt`. */
export function pastAttempt(n: number, row: Row, payload: PayloadReader): AttemptEnd {
  return attemptEnd(n, Number(row.outcome), JSON.parse(String(row.end)) as EndText, payload);
}

export function clientRow(n: number, facts: string): ClientRow {
  const [id, host, joined] = JSON.parse(facts) as [string, string, 1?];
  return joined === 1 ? { n, id, host, joined: true } : { n, id, host };
}

/** A row of `recordRow`. */
export function taskRow(row: Row, payload: PayloadReader, client: (n: number) => ClientRow | null): TaskRow {
  const [n, state, group, attempts, losses, outcome, text, endText] = JSON.parse(String(row.row)) as RecordText;
  const end = endText === null ? null : attemptEnd(n, outcome, endText, payload);
  return {
    n,
    submittedAt: text[0],
    task: wireTask(n, text, payload),
    state,
    group,
    attempts,
    losses,
    end,
    client: end === null || end.client === null ? null : client(end.client),
  };
}
