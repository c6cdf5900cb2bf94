/** Between the shapes of the port and what the columns hold: see the first migration. */
import type { ResultExtra } from '../../task/result.ts';
import type { TaskAttributes, WireTask } from '../../task/task.ts';
import type { AttemptEnd, ClientRow, StoredTask, TaskRow } from '../store.ts';
import type { Row } from './driver.ts';

type TaskText = [submittedAt: number, kind: number, args: string];
type EndText = [
  attempt: number,
  exitStatus: number | null,
  client: number | null,
  slot: number | null,
  startedAt: number | null,
  durationMs: number,
  completedAt: number,
  waitedMs: number,
  extra: object | null,
];

const outputFields = ['stdout', 'stderr', 'value'] as const;
type OutputText = { [field in (typeof outputFields)[number]]?: unknown };

/** A text as it stands in a column of its own. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** What the columns of a task hold that are not numbers. */
export function taskColumns({ submittedAt, task }: Pick<StoredTask, 'submittedAt' | 'task'>): {
  task: string;
  input: string | null;
  bytes: Uint8Array | null;
  attributes: string | null;
} {
  const [kind, args, input, attributes] = task;
  const bytes = input instanceof Uint8Array ? input : null;
  return {
    task: JSON.stringify([submittedAt, kind, args] satisfies TaskText),
    input: input === null ? null : bytes === null ? JSON.stringify(input) : 'true',
    bytes,
    attributes: attributes === null ? null : JSON.stringify(attributes),
  };
}

/** What the columns of an end hold that are not numbers. Bytes of its outputs stand one after the other, each behind its length; 2^32 - 1: absent. */
export function endColumns(end: AttemptEnd): { ending: string; output: string | null; bytes: Uint8Array | null } {
  const { attempt, exitStatus, client, slot, startedAt, durationMs, completedAt, waitedMs, extra } = end;
  // Most ends have nothing but numbers: put together here that takes a quarter of the time.
  if (extra === null) {
    const ending = `[${attempt},${exitStatus},${client},${slot},${startedAt},${durationMs},${completedAt},${waitedMs},null]`;
    return { ending, output: null, bytes: null };
  }
  let rest: object | null = extra;
  let output: OutputText | null = null;
  let bytes: Uint8Array | null = null;
  if (outputFields.some((field) => extra[field] !== undefined)) {
    const { stdout, stderr, value, ...others } = extra;
    rest = others;
    output = {};
    const parts: Uint8Array[] = [];
    const found = { stdout, stderr, value };
    for (const field of outputFields) {
      const content: unknown = found[field];
      const length = Buffer.alloc(4);
      parts.push(length);
      length.writeUInt32LE(0xffffffff);
      if (content === undefined) continue;
      output[field] = content instanceof Uint8Array ? true : content;
      if (!(content instanceof Uint8Array)) continue;
      length.writeUInt32LE(content.byteLength);
      parts.push(content);
    }
    if (parts.length > outputFields.length) bytes = Buffer.concat(parts);
  }
  const text: EndText = [attempt, exitStatus, client, slot, startedAt, durationMs, completedAt, waitedMs, rest];
  return { ending: JSON.stringify(text), output: output === null ? null : JSON.stringify(output), bytes };
}

function wireTask(row: Row, [, kind, args]: TaskText): WireTask {
  const { input, input_bytes: bytes, attributes } = row;
  const given = typeof input !== 'string' ? null : input === 'true' ? plainBytes(bytes) : (JSON.parse(input) as string);
  return [kind, args, given, typeof attributes === 'string' ? (JSON.parse(attributes) as TaskAttributes) : null];
}

function plainBytes(bytes: unknown): Uint8Array {
  return bytes instanceof Uint8Array ? new Uint8Array(bytes) : new Uint8Array(0);
}

/** A row of `storedRow`. */
export function storedTask(row: Row): StoredTask {
  const text = JSON.parse(String(row.task)) as TaskText;
  return {
    group: Number(row.grp),
    rank: Number(row.rank),
    n: Number(row.n),
    submittedAt: text[0],
    lane: row.lane === null ? null : (JSON.parse(String(row.lane)) as string),
    task: wireTask(row, text),
    state: Number(row.state),
    attempts: Number(row.attempts),
    losses: Number(row.losses),
    readyAt: row.ready_at === null ? null : Number(row.ready_at),
  };
}

/** A row with the columns of an end. */
export function attemptEnd(n: number, row: Row): AttemptEnd {
  const [attempt, exitStatus, client, slot, startedAt, durationMs, completedAt, waitedMs, rest] = JSON.parse(String(row.ending)) as EndText;
  const extra = typeof row.output === 'string' ? withOutput(rest, row.output, row.output_bytes) : (rest as ResultExtra | null);
  return { n, attempt, outcome: Number(row.outcome), exitStatus, client, slot, startedAt, durationMs, completedAt, waitedMs, extra };
}

function withOutput(rest: object | null, output: string, bytes: unknown): ResultExtra {
  const fields = JSON.parse(output) as OutputText;
  const container = bytes instanceof Uint8Array ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : null;
  let at = 0;
  for (const field of outputFields) {
    if (container === null) break;
    const length = container.readUInt32LE(at);
    at += 4;
    if (length === 0xffffffff) continue;
    fields[field] = new Uint8Array(container.subarray(at, at + length));
    at += length;
  }
  return { ...rest, ...fields } as ResultExtra;
}

export function clientFacts({ id, host, joined }: ClientRow): string {
  return JSON.stringify(joined ? [id, host, 1] : [id, host]);
}

export function clientRow(row: Row): ClientRow {
  const [id, host, joined] = JSON.parse(String(row.facts)) as [string, string, 1?];
  const n = Number(row.n);
  return joined === 1 ? { n, id, host, joined: true } : { n, id, host };
}

/** A row of `recordRow`, or of `lightRow`: then without input and output. */
export function taskRow(row: Row, client: (n: number) => ClientRow | null): TaskRow {
  const n = Number(row.n);
  const text = JSON.parse(String(row.task)) as TaskText;
  const end = row.ending === null ? null : attemptEnd(n, row);
  return {
    n,
    submittedAt: text[0],
    task: wireTask(row, text),
    state: Number(row.state),
    group: Number(row.grp),
    attempts: Number(row.attempts),
    losses: Number(row.losses),
    end,
    client: end === null || end.client === null ? null : client(end.client),
  };
}

/** A column of type bigint[]. */
export function numbersOf(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}
