/**
 * From conditions as people write them, `'duration >= 5'` or `['duration', '>=', 5]`, to the conditions that stores evaluate: in ms and bytes, checked,
 * each with a field that exists and an operator that means something for it. Nothing is guessed: a mistake names its condition, its column and what was
 * expected there.
 */
import { MillraceError } from '../base/errors.ts';
import type { Condition, ConditionField } from '../store/store.ts';
import { patternFault } from '../task/pattern.ts';
import type { Outcome } from '../task/result.ts';
import type { TaskStateName } from '../task/state.ts';
import type { Duration, Size, TagValue, TaskKind } from '../task/task.ts';
import { expectation, type Field, fieldOf, fieldValue, numberOf, type Operator, operatorsOf } from './fields.ts';

type Equality = '==' | '!=';
type Ordering = Equality | '>' | '>=' | '<' | '<=';
type Time = Date | number | string;

/** A condition as a tuple. Durations are seconds or texts with a unit, sizes bytes or texts with a unit, times dates, ISO texts or ms since the epoch. */
export type WhereTuple =
  | readonly [field: 'id', operator: '==', value: string]
  | readonly [field: 'kind', operator: Equality, value: TaskKind]
  | readonly [field: 'state', operator: Equality, value: TaskStateName]
  | readonly [field: 'outcome', operator: Equality, value: Outcome | null]
  | readonly [field: 'args', operator: Equality | '~', value: string]
  | readonly [field: 'command' | 'signal' | 'clientId' | 'clientHost', operator: Equality | '~', value: string | null]
  | readonly [field: 'n' | 'group' | 'priority' | 'attempt', operator: Ordering, value: number]
  | readonly [field: 'exitStatus' | 'slot' | 'cores' | 'peakCores' | 'waitedMs' | 'durationMs', operator: Ordering, value: number | null]
  | readonly [field: 'submittedAt', operator: Ordering, value: Time]
  | readonly [field: 'startedAt' | 'completedAt', operator: Ordering, value: Time | null]
  | readonly [field: 'waited' | 'duration' | 'timeout', operator: Ordering, value: Duration | null]
  | readonly [field: 'memory' | 'peakMemory', operator: Ordering, value: Size | null]
  | readonly [field: `tag.${string}`, operator: Ordering | '~', value: TagValue];

/** Conditions of a query: a text, or a list of texts and tuples, all of which must hold. */
export type Where = string | readonly (string | WhereTuple)[];

/** A condition that was read, with where it stood: for those that check it further. */
export interface ReadCondition {
  readonly condition: Condition;
  readonly refuse: (what: string) => MillraceError;
}

const longestCondition = 10_000;
const mostConditions = 1_000;

/**
 * Read the conditions of a query.
 * @throws ERR_QUERY
 */
export function readWhere(where: unknown): ReadCondition[] {
  const list: unknown[] = typeof where === 'string' ? [where] : Array.isArray(where) ? where : [undefined];
  if (list.length > mostConditions)
    throw new MillraceError('ERR_QUERY', `where: ${list.length} conditions are too many; at most ${mostConditions}`);
  return list.map((item, index) => {
    const name = typeof where === 'string' ? 'where' : `where[${index}]`;
    if (typeof item === 'string') return fromText(item, name);
    if (Array.isArray(item)) return fromTuple(item, name);
    throw new MillraceError('ERR_QUERY', `${name} must be a text such as 'duration >= 5' or a tuple such as ['duration', '>=', 5]`);
  });
}

/** Conditions that came over the wire are already in the units of stores; what they may be is checked all the same. */
export function areConditions(value: unknown): value is Condition[] {
  return Array.isArray(value) && value.length <= mostConditions && value.every(isCondition);
}

function isCondition(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return false;
  const { field: name, op, value } = item as Record<string, unknown>;
  if (typeof name !== 'string' || Object.keys(item).length !== 3) return false;
  const field = fieldOf(name);
  if (typeof field === 'string' || field.name !== name || !(operatorsOf(field) as unknown[]).includes(op)) return false;
  if (op === '~') return typeof value === 'string' && patternFault(value) === null;
  if (value === null) return field.nullable && (op === '==' || op === '!=');
  if (field.kind === 'tag') return ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
  const text = field.kind === 'text' || field.kind === 'signal' || field.kind === 'name' || field.kind === 'id';
  return text ? fieldValue(field, value) === value : Number.isFinite(value);
}

/** Operators of other languages, and what they are here. */
const strangers: Readonly<Record<string, string>> = {
  '=': '==',
  '===': '==',
  '=~': '~',
  '<>': '!=',
  '!==': '!=',
  '=>': '>=',
  '=<': '<=',
  '~=': '~',
  '~~': '~',
};

function fromText(text: string, name: string): ReadCondition {
  if (text.length > longestCondition) throw new MillraceError('ERR_QUERY', `${name} is longer than ${longestCondition} characters`);
  const refuseAt = (column: number, what: string): MillraceError =>
    new MillraceError('ERR_QUERY', `${name}, column ${column + 1}: ${what}; it is ${JSON.stringify(text.slice(0, 200))}`, {
      details: { condition: text.slice(0, 200), column: column + 1 },
    });
  const start = text.length - text.trimStart().length;
  const fieldName = /^[A-Za-z0-9_.+-]*/.exec(text.slice(start))![0];
  if (fieldName === '') throw refuseAt(start, "expected a field, as in 'duration >= 5'");
  const field = fieldOf(fieldName);
  if (typeof field === 'string') throw refuseAt(start, field);
  const afterField = start + fieldName.length;
  const operatorAt = afterField + text.slice(afterField).length - text.slice(afterField).trimStart().length;
  const allowed = operatorsOf(field).join(' ');
  const written = /^[=!<>~]*/.exec(text.slice(operatorAt))![0];
  if (written === '') throw refuseAt(operatorAt, `expected an operator after '${fieldName}': ${allowed}`);
  const meant = Object.hasOwn(strangers, written) ? strangers[written] : undefined;
  if (meant !== undefined) throw refuseAt(operatorAt, `'${written}' is no operator. Did you mean '${meant}'?`);
  const operator = operatorsOf(field).find((op) => op === written);
  if (operator === undefined) throw refuseAt(operatorAt, `'${written}' does not go with ${fieldName}: expected one of ${allowed}`);
  const afterOperator = operatorAt + written.length;
  const rest = text.slice(afterOperator);
  const value = rest.trim();
  const valueAt = afterOperator + rest.length - rest.trimStart().length;
  const refuse = (what: string): MillraceError => refuseAt(valueAt, what);
  if (value === '') throw refuse(`expected ${expectation(field)} after '${written}'`);
  const quote = value[0] === "'" || value[0] === '"' ? value[0] : null;
  if (quote !== null && (value.length < 2 || !value.endsWith(quote)))
    throw refuse(`the value begins with ${quote} and does not end with it`);
  const bare = quote === null ? value : value.slice(1, -1);
  return build(field, operator, bare, quote === null, refuse);
}

function fromTuple(tuple: readonly unknown[], name: string): ReadCondition {
  const refuse = (what: string): MillraceError => new MillraceError('ERR_QUERY', `${name}: ${what}`);
  const [fieldName, written, value] = tuple;
  if (tuple.length !== 3 || typeof fieldName !== 'string') throw refuse("expected [field, operator, value], as in ['duration', '>=', 5]");
  const field = fieldOf(fieldName);
  if (typeof field === 'string') throw refuse(field);
  const operator = operatorsOf(field).find((op) => op === written);
  if (operator === undefined) {
    const hint = typeof written === 'string' && Object.hasOwn(strangers, written) ? ` Did you mean '${strangers[written]}'?` : '';
    throw refuse(`expected one of ${operatorsOf(field).join(' ')} after '${fieldName}'.${hint}`);
  }
  return build(field, operator, value, false, refuse);
}

/** `unquoted`: a text in which `null` means none and, of a tag, numbers and booleans mean themselves. */
function build(field: Field, op: Operator, value: unknown, unquoted: boolean, refuse: (what: string) => MillraceError): ReadCondition {
  const done = (result: Condition['value']): ReadCondition => ({
    condition: { field: field.name as ConditionField, op, value: result },
    refuse,
  });
  if (op === '~') {
    if (typeof value !== 'string') throw refuse('expected a regular expression, as a text');
    const fault = patternFault(value);
    if (fault !== null) throw refuse(`the regular expression is refused at its character ${fault.index + 1}: ${fault.reason}`);
    return done(value);
  }
  if (value === null || (unquoted && (value === 'null' || value === 'none') && field.nullable)) {
    if (!field.nullable) throw refuse(`expected ${expectation(field)}`);
    if (op !== '==' && op !== '!=') throw refuse(`null can be compared by == and != only`);
    return done(null);
  }
  if (field.kind === 'tag') {
    const tag = unquoted ? tagValue(value as string) : value;
    if (typeof tag !== 'string' && typeof tag !== 'boolean' && numberOf(tag) === undefined) throw refuse(`expected ${expectation(field)}`);
    if (typeof tag !== 'number' && op !== '==' && op !== '!=') throw refuse(`expected a number after '${op}': texts have no order here`);
    return done(tag as string | number | boolean);
  }
  const result = fieldValue(field, value);
  if (result === undefined) throw refuse(`expected ${expectation(field)}`);
  return done(result);
}

/** A tag is what it is: an unquoted number, `true` or `false` means just that, everything else a text. */
function tagValue(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return numberOf(text) ?? text;
}
