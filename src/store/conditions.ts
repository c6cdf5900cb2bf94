/**
 * What the conditions of a search mean, for every adapter: the value of each field of a task, and when a comparison of it holds.
 * The memory store asks this for each task; the SQLite store says the same in SQL where SQL can say it exactly, and asks here for the rest.
 *
 * A field without a value (null) fulfils `== null` alone: `exitStatus != 0` means tasks that ended so, not those that still wait. An order holds
 * between two numbers or two texts only (by UTF-16 code units), `~` for a text only.
 */
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { publicId } from '../task/id.ts';
import { patternTest } from '../task/pattern.ts';
import { outcomes } from '../task/result.ts';
import { taskStates } from '../task/state.ts';
import { isTagKey } from '../task/tags.ts';
import { type TagValue, taskKinds } from '../task/task.ts';
import { type Condition, conditionFields, type TaskRow } from './store.ts';

/** A field that has a name of its own; all others are tags. */
export type NamedField = (typeof conditionFields)[number];

type Reader = (row: TaskRow, salt: string) => TagValue;

/** A number of `outcomeCode` as users name it. */
export function outcomeName(code: number): string | null {
  return code === 0 ? null : (outcomes[code] ?? null);
}

const readers: Readonly<Record<NamedField, Reader>> = {
  n: (row) => row.n,
  id: publicId,
  kind: (row) => taskKinds[row.task[0]] ?? null,
  args: (row) => row.task[1],
  // A command that no template changed is recorded once: as `args`.
  command: ({ end, task }) => end?.extra?.command ?? (end !== null && end.startedAt !== null && task[0] === 0 ? task[1] : null),
  state: (row) => taskStates[row.state] ?? null,
  outcome: (row) => outcomeName(row.end?.outcome ?? 0),
  exitStatus: (row) => row.end?.exitStatus ?? null,
  signal: (row) => row.end?.extra?.signal ?? null,
  group: (row) => row.group,
  priority: (row) => row.task[3]?.priority ?? 0,
  attempt: (row) => row.end?.attempt ?? row.attempts,
  slot: (row) => row.end?.slot ?? null,
  clientId: (row) => row.client?.id ?? null,
  clientHost: (row) => row.client?.host ?? null,
  submittedAt: (row) => row.submittedAt,
  startedAt: (row) => row.end?.startedAt ?? null,
  completedAt: (row) => row.end?.completedAt ?? null,
  waited: (row) => row.end?.waitedMs ?? null,
  duration: (row) => row.end?.durationMs ?? null,
  cores: (row) => row.task[3]?.cores ?? null,
  memory: (row) => row.task[3]?.memory ?? null,
  timeout: (row) => row.task[3]?.timeout ?? null,
  peakCores: (row) => row.end?.extra?.peakCores ?? null,
  peakMemory: (row) => row.end?.extra?.peakMemory ?? null,
};

/** The key in `tag.<key>`; null: a field with a name of its own. Throws ERR_QUERY for what is neither. */
export function tagKey(field: string): string | null {
  if (Object.hasOwn(readers, field)) return null;
  const key = /^tag\.(.*)$/s.exec(field)?.[1];
  if (key !== undefined && isTagKey(key)) return key;
  throw new MillraceError(
    'ERR_QUERY',
    `no field is called '${field.slice(0, 100)}'.${didYouMean(field, conditionFields)} The fields are ${conditionFields.join(', ')} and tag.<key>`,
  );
}

/** When a value fulfils a condition. Throws ERR_QUERY for a condition that means nothing. */
export function comparison({ op, value }: Condition): (actual: TagValue) => boolean {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new MillraceError('ERR_QUERY', `${value} is no value to compare with`);
  switch (op) {
    case '==':
      return (actual) => actual === value;
    case '!=':
      return (actual) => actual !== null && actual !== value;
    case '>':
    case '>=':
    case '<':
    case '<=':
      return ordered(op, value);
    case '~': {
      const matches = regularExpression(value);
      return (actual) => typeof actual === 'string' && matches(actual);
    }
    default:
      throw new MillraceError('ERR_QUERY', `no comparison is written '${String(op).slice(0, 20)}': there are == != > >= < <= ~`);
  }
}

function ordered(op: '>' | '>=' | '<' | '<=', value: TagValue): (actual: TagValue) => boolean {
  if (typeof value !== 'number' && typeof value !== 'string') return () => false;
  const comparable = (actual: TagValue): actual is string | number => typeof actual === typeof value;
  switch (op) {
    case '>':
      return (actual) => comparable(actual) && actual > value;
    case '>=':
      return (actual) => comparable(actual) && actual >= value;
    case '<':
      return (actual) => comparable(actual) && actual < value;
    case '<=':
      return (actual) => comparable(actual) && actual <= value;
  }
}

function regularExpression(value: TagValue): (text: string) => boolean {
  if (typeof value !== 'string') throw new MillraceError('ERR_QUERY', 'what stands after ~ must be a regular expression, as a text');
  return patternTest(value);
}

/** Whether a task fulfils all of these conditions. Throws ERR_QUERY for a condition that means nothing. */
export function conditionTest(conditions: readonly Condition[], salt: string): (row: TaskRow) => boolean {
  const tests = conditions.map((condition): ((row: TaskRow) => boolean) => {
    const key = tagKey(condition.field);
    const holds = comparison(condition);
    if (key !== null) {
      return ({ task }) => {
        const tags = task[3]?.tags;
        return holds(tags !== undefined && Object.hasOwn(tags, key) ? (tags[key] ?? null) : null);
      };
    }
    const read = readers[condition.field as NamedField];
    return (row) => holds(read(row, salt));
  });
  return (row) => tests.every((test) => test(row));
}
