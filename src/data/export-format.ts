/**
 * How a task is written for other programs: a line of JSON, or a record of CSV (RFC 4180). Times and durations stay numbers of ms. Bytes are their UTF-8 text
 * where they are valid UTF-8, else `{"base64": "…"}`. Nothing is changed to suit a spreadsheet: a cell may begin with `=`, so such
 * a program must be told to import cells as text.
 */
import { isUtf8 } from 'node:buffer';
import { reasonOf } from '../base/errors.ts';
import type { TaskRecord } from './record.ts';

/** The fields of a task in the order of the columns. */
export const exportFields = [
  'id',
  'kind',
  'state',
  'outcome',
  'args',
  'command',
  'exitStatus',
  'signal',
  'group',
  'priority',
  'cores',
  'memory',
  'timeoutMs',
  'attempt',
  'tags',
  'clientId',
  'clientHost',
  'slot',
  'submittedAt',
  'startedAt',
  'completedAt',
  'waitedMs',
  'durationMs',
  'stdout',
  'stderr',
  'stdoutPath',
  'stderrPath',
  'truncated',
  'value',
  'valuePath',
  'peakCores',
  'peakMemory',
  'monitorPath',
  'error',
] as const;
export type ExportField = (typeof exportFields)[number];

export interface TaskFormat {
  /** What stands before the first task. */
  readonly header: string;
  line(task: TaskRecord): string;
}

/** One JSON object a line; what is not known of a task is not in it. */
export function jsonLines(fields: readonly ExportField[]): TaskFormat {
  return {
    header: '',
    line(task) {
      const known: Record<string, unknown> = {};
      for (const field of fields) {
        const value = task[field];
        if (value !== undefined)
          known[field] = field === 'value' ? plainValue(value) : value instanceof Uint8Array ? plainBytes(value) : value;
      }
      return `${JSON.stringify(known)}\n`;
    },
  };
}

/** A header and a record a task; tags, values and errors as JSON, what is not known as an empty cell. */
export function csv(fields: readonly ExportField[]): TaskFormat {
  return {
    header: `${fields.join(',')}\r\n`,
    line: (task) => `${fields.map((field) => cell(field === 'value' ? valueText(task.value) : text(task[field]))).join(',')}\r\n`,
  };
}

function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  const plain = value instanceof Uint8Array ? plainBytes(value) : value;
  return typeof plain === 'object' ? JSON.stringify(plain) : String(plain);
}

/** A function's value is JSON in its cell, a text too: so that `"1"` and `1` are told apart. */
function valueText(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(plainValue(value));
}

function cell(content: string): string {
  return /[",\r\n]|^\s|\s$/.test(content) ? `"${content.replaceAll('"', '""')}"` : content;
}

/** A value in what JSON has words for; one that JSON cannot hold (it contains itself) is told by why. A replacer makes each line twice as dear: only here. */
function plainValue(value: unknown): unknown {
  if (typeof value !== 'object' && typeof value !== 'bigint') return value;
  try {
    return JSON.parse(JSON.stringify(value, plain)) as unknown;
  } catch (error) {
    return { unserializable: reasonOf(error).split('\n')[0] };
  }
}

function plainBytes(value: Uint8Array): unknown {
  if (value.byteLength === 0) return '';
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') };
}

/** A Buffer has turned itself into `{ type: 'Buffer', data }` when this is asked: the holder still has it. */
function plain(this: unknown, key: string, turned: unknown): unknown {
  const value: unknown = (this as Record<string, unknown>)[key];
  if (value instanceof Uint8Array) return plainBytes(value);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  if (value instanceof Error) return { name: value.name, message: value.message };
  return turned;
}
