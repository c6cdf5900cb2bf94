/**
 * From stored rows to the shapes that users see. Numbers become names, bytes become Buffers, encoded values become values; what is
 * not known yet is absent from a record and never guessed.
 */
import type { AttemptEnd, ClientRow, TaskRow } from '../store/store.ts';
import { storedState } from '../store/store.ts';
import { publicId } from '../task/id.ts';
import { type Outcome, outcomes, type TaskResult } from '../task/result.ts';
import type { TaskStateName } from '../task/state.ts';
import { type TaskAttributes, taskKinds } from '../task/task.ts';
import { decodeValue } from '../task/value.ts';

/** Fields of a result that are known from the acceptance on. */
type AcceptedFields = 'id' | 'kind' | 'args' | 'group' | 'tags' | 'submittedAt';

/** What a task asks for, as far as it was told (by itself, its submission or its server): cores, bytes of memory, ms at the most, and its priority. */
export interface TaskDemands {
  cores?: number;
  memory?: number;
  timeoutMs?: number;
  priority?: number;
}

/**
 * A task as it stands: the fields of its result that are known so far, its state and its demands. `attempt`: attempts that have ended; of a task that is done, its last.
 * `runningMs`: how long one that runs has done so, by the clock of its server.
 */
export type TaskRecord = { state: TaskStateName; attempt: number; runningMs?: number } & TaskDemands &
  Pick<TaskResult, AcceptedFields> &
  Partial<TaskResult>;

/** A row with what its server alone knows of a task that is leased or runs: how long (ms); where is in `client`. */
export interface LiveRow extends TaskRow {
  runningMs?: number;
}

/** One recorded attempt of a task. */
export type AttemptRecord = Pick<
  TaskResult,
  | 'attempt'
  | 'outcome'
  | 'exitStatus'
  | 'signal'
  | 'stdout'
  | 'stderr'
  | 'truncated'
  | 'value'
  | 'error'
  | 'command'
  | 'clientId'
  | 'clientHost'
  | 'slot'
  | 'startedAt'
  | 'completedAt'
  | 'waitedMs'
  | 'durationMs'
> &
  Pick<TaskResult, 'stdoutPath' | 'stderrPath' | 'valuePath' | 'peakCores' | 'peakMemory' | 'monitorPath'>;

/** The result of a task that is done. A row without an end is a defect of the caller. */
export function toTaskResult(row: TaskRow, salt: string): TaskResult {
  if (row.end === null) throw new TypeError(`task ${row.n} is not done: it has a record, but no result`);
  // Not by spreading: an object that two others are spread into is a table by names, ten times as slow as this (26 µs a record).
  const result: TaskResult = Object.assign(accepted(row, salt), toAttemptRecord(row.end, row.client));
  // A command that no template changed travels once.
  if (result.command === null && row.task[0] === 0 && row.end.startedAt !== null) result.command = row.task[1];
  return result;
}

/**
 * What is known of a task.
 * @param live Where the server has it when it is not done: the store itself does not know `leased` and `running`.
 */
export function toTaskRecord(row: LiveRow, salt: string, live?: 'leased' | 'running'): TaskRecord {
  if (row.end !== null) return withDemands(Object.assign(toTaskResult(row, salt), { state: 'done' as const }), row.task[3]);
  const state: TaskStateName = live ?? (row.state === storedState.waiting ? 'waiting' : 'ready');
  const record: TaskRecord = Object.assign(accepted(row, salt), { state, attempt: row.attempts });
  if (live !== undefined && row.client !== null) {
    record.clientId = row.client.id;
    record.clientHost = row.client.host;
  }
  if (row.runningMs !== undefined) record.runningMs = row.runningMs;
  return withDemands(record, row.task[3]);
}

function withDemands(record: TaskRecord, attributes: TaskAttributes | null): TaskRecord {
  if (attributes === null) return record;
  const { cores, memory, timeout, priority } = attributes;
  if (cores !== undefined) record.cores = cores;
  if (memory !== undefined) record.memory = memory;
  if (timeout !== undefined) record.timeoutMs = timeout;
  if (priority !== undefined) record.priority = priority;
  return record;
}

/**
 * One recorded attempt.
 * @param client Who bears the number in `end.client`; null: the attempt never reached a client.
 */
export function toAttemptRecord(end: AttemptEnd, client: ClientRow | null): AttemptRecord {
  const extra = end.extra ?? {};
  const record: AttemptRecord = {
    attempt: end.attempt,
    outcome: outcomeName(end.outcome),
    exitStatus: end.exitStatus,
    signal: (extra.signal ?? null) as NodeJS.Signals | null,
    stdout: toBuffer(extra.stdout),
    stderr: toBuffer(extra.stderr),
    truncated: extra.truncated ?? false,
    value: extra.value === undefined ? undefined : decodeValue(extra.value),
    error: extra.error ?? null,
    command: extra.command ?? null,
    clientId: client?.id ?? null,
    clientHost: client?.host ?? null,
    slot: end.slot,
    startedAt: end.startedAt,
    completedAt: end.completedAt,
    waitedMs: end.waitedMs,
    durationMs: end.durationMs,
  };
  const { stdoutPath, stderrPath, valuePath, peakCores, peakMemory, monitorPath } = extra;
  if (stdoutPath !== undefined) record.stdoutPath = stdoutPath;
  if (stderrPath !== undefined) record.stderrPath = stderrPath;
  if (valuePath !== undefined) record.valuePath = valuePath;
  if (peakCores !== undefined) record.peakCores = peakCores;
  if (peakMemory !== undefined) record.peakMemory = peakMemory;
  if (monitorPath !== undefined) record.monitorPath = monitorPath;
  return record;
}

function accepted(row: TaskRow, salt: string): Pick<TaskResult, AcceptedFields> {
  const [kind, args, , attributes] = row.task;
  return {
    id: publicId(row, salt),
    kind: taskKinds[kind] ?? 'shell',
    args,
    group: row.group,
    tags: { ...attributes?.tags },
    submittedAt: row.submittedAt,
  };
}

function outcomeName(code: number): Outcome {
  const name = outcomes[code];
  if (name === undefined || name === 'none') throw new TypeError(`${code} is no outcome of a task that is done`);
  return name;
}

function toBuffer(output: string | Uint8Array | undefined): Buffer {
  if (output === undefined) return Buffer.alloc(0);
  return typeof output === 'string' ? Buffer.from(output, 'utf8') : Buffer.from(output.buffer, output.byteOffset, output.byteLength);
}
