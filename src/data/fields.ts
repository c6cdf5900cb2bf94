/**
 * What conditions can be about, for people: the names of fields and their other names, the kind of value that each has, and the way from a value as it is
 * written (text or typed) to the number or text that stores compare. The type of a value follows the field, never its looks.
 */
import { parseSize } from '../base/bytes.ts';
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { type Condition, type ConditionField, conditionFields } from '../store/store.ts';
import { outcomes } from '../task/result.ts';
import { taskStates } from '../task/state.ts';
import { isTagKey, tagKeyRule } from '../task/tags.ts';
import { taskKinds } from '../task/task.ts';

export type Operator = Condition['op'];

type Kind = 'text' | 'signal' | 'number' | 'duration' | 'milliseconds' | 'size' | 'time' | 'name' | 'id' | 'tag';

export interface Field {
  readonly name: ConditionField;
  readonly kind: Kind;
  /** It may have no value. */
  readonly nullable: boolean;
  /** The names that it can be, where it is a name. */
  readonly names: readonly string[];
}

const names: Readonly<Record<string, readonly string[]>> = { kind: taskKinds, state: taskStates, outcome: outcomes.slice(1) };

const kinds: Readonly<Record<(typeof conditionFields)[number], readonly [Kind, nullable: boolean]>> = {
  n: ['number', false],
  id: ['id', false],
  kind: ['name', false],
  args: ['text', false],
  command: ['text', true],
  state: ['name', false],
  outcome: ['name', true],
  exitStatus: ['number', true],
  signal: ['signal', true],
  group: ['number', false],
  priority: ['number', false],
  attempt: ['number', false],
  slot: ['number', true],
  clientId: ['text', true],
  clientHost: ['text', true],
  submittedAt: ['time', false],
  startedAt: ['time', true],
  completedAt: ['time', true],
  waited: ['duration', true],
  duration: ['duration', true],
  cores: ['number', true],
  memory: ['size', true],
  timeout: ['duration', true],
  peakCores: ['number', true],
  peakMemory: ['size', true],
};

/** Other names of fields: those of HyperShell's columns. */
const aliases: Readonly<Record<string, (typeof conditionFields)[number]>> = {
  exit_status: 'exitStatus',
  submit_time: 'submittedAt',
  start_time: 'startedAt',
  completion_time: 'completedAt',
  client_id: 'clientId',
  client_host: 'clientHost',
  cores_max: 'peakCores',
  memory_max: 'peakMemory',
};

/** Fields of results and records that are in ms by their name. */
const inMilliseconds: Readonly<Record<string, (typeof conditionFields)[number]>> = {
  waitedMs: 'waited',
  durationMs: 'duration',
  timeoutMs: 'timeout',
};

const known: readonly string[] = [...conditionFields, ...Object.keys(inMilliseconds)];

/** A field by any of its names, or a tag by `tag.<key>`; a text says what is wrong. */
export function fieldOf(name: string): Field | string {
  if (name.startsWith('tag.')) {
    const key = name.slice(4);
    if (!isTagKey(key)) return `a tag is 'tag.' and its key, ${tagKeyRule}; it is '${name.slice(0, 130)}'`;
    return { name: `tag.${key}`, kind: 'tag', nullable: true, names: [] };
  }
  const ms = Object.hasOwn(inMilliseconds, name) ? inMilliseconds[name] : undefined;
  if (ms !== undefined) return { name: ms, kind: 'milliseconds', nullable: true, names: [] };
  const own = Object.hasOwn(aliases, name) ? aliases[name]! : name;
  if (!Object.hasOwn(kinds, own)) {
    const hint = didYouMean(name, [...known, ...Object.keys(aliases)]);
    return `there is no field '${name.slice(0, 64)}'.${hint} The fields are ${known.join(', ')} and tag.<key>`;
  }
  const field = own as (typeof conditionFields)[number];
  const [kind, nullable] = kinds[field];
  return { name: field, kind, nullable, names: names[field] ?? [] };
}

const orderings: readonly Operator[] = ['==', '!=', '>', '>=', '<', '<='];
const equality: readonly Operator[] = ['==', '!='];

/** The operators that make sense for a field. */
export function operatorsOf({ kind }: Field): readonly Operator[] {
  if (kind === 'id') return ['=='];
  if (kind === 'name') return equality;
  if (kind === 'text' || kind === 'signal') return [...equality, '~'];
  return kind === 'tag' ? [...orderings, '~'] : orderings;
}

/** What is expected as the value of a field, in words. */
export function expectation({ kind, nullable, names: choice }: Field): string {
  const words: Readonly<Record<Kind, string>> = {
    text: 'a text',
    signal: "the name of a signal such as 'SIGKILL'",
    number: 'a number',
    duration: "a duration: seconds, or a text such as '500ms', '10s', '5m'",
    milliseconds: "milliseconds, or a text such as '500ms', '10s', '5m'",
    size: "a size: bytes, or a text such as '512MB', '4G'",
    time: 'a time: 2026-01-31, 2026-01-31T12:00:00Z (with Z or an offset), or ms since the epoch',
    name: `one of ${choice.join(', ')}`,
    id: 'the id of a task',
    tag: 'a text, a number, true, false',
  };
  return nullable ? `${words[kind]} or null` : words[kind];
}

/**
 * The value that stores compare, of a value as it is written: text from a query (a number or name in it is read), or typed.
 * @returns undefined for what this field cannot be
 */
export function fieldValue(field: Field, value: unknown): string | number | undefined {
  switch (field.kind) {
    case 'text':
    case 'id':
      return typeof value === 'string' ? value : undefined;
    case 'signal':
      return typeof value === 'string' ? signalName(value) : undefined;
    case 'name':
      return field.names.includes(value as string) ? (value as string) : undefined;
    case 'number':
      return numberOf(value);
    case 'duration':
      return converted(() => parseDuration(value as string, field.name));
    case 'milliseconds':
      return numberOf(value) ?? converted(() => parseDuration(value as string, field.name));
    case 'size':
      return converted(() => parseSize(value as string, field.name));
    case 'time':
      return timeOf(value);
    case 'tag':
      return undefined;
  }
}

const numeral = /^[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?$/i;

export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && numeral.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

function converted(convert: () => number): number | undefined {
  try {
    return convert();
  } catch (error) {
    if (error instanceof MillraceError) return undefined;
    throw error;
  }
}

function signalName(text: string): string {
  const name = text.toUpperCase();
  return name.startsWith('SIG') ? name : `SIG${name}`;
}

/** A date is midnight UTC; a time of day without a zone would mean another moment on each machine. */
const isoTime = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

function timeOf(value: unknown): number | undefined {
  if (value instanceof Date) return numberOf(value.getTime());
  if (typeof value !== 'string' || !isoTime.test(value)) return numberOf(value);
  // The 31st of February would be read as the 3rd of March.
  const day = Date.parse(value.slice(0, 10));
  return Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== value.slice(0, 10) ? undefined : numberOf(Date.parse(value));
}
