/** The shapes of tasks and results inside messages: every field that a server or client reads. */
import { checkCron, checkTimezone } from '../task/cron.ts';
import { parseTaskId } from '../task/id.ts';
import {
  array,
  binaryOrText,
  bool,
  type Check,
  count,
  finite,
  nullable,
  oneOf,
  plain,
  record,
  scalar,
  text,
  tuple,
  whole,
} from './shapes.ts';

/** What a date can hold: ms before and after 1970. */
const farthest = 8.64e15;
const longestKey = 1_024;

const amount: Check = (value) => finite(value) && (value as number) >= 0;
const milliseconds: Check = (value) => amount(value) && (value as number) <= farthest;
/** ms since 1970. */
const moment: Check = (value) => finite(value) && Math.abs(value as number) <= farthest;
const small: Check = (value) => whole(value) && (value as number) < 2 ** 31;
const priority: Check = (value) => Number.isInteger(value) && (value as number) >= -(2 ** 31) && (value as number) < 2 ** 31;
const key: Check = (value) => typeof value === 'string' && value !== '' && value.length <= longestKey;

/** What the check of the option accepts. */
const readable =
  (read: (text: string) => unknown): Check =>
  (value) => {
    if (typeof value !== 'string') return false;
    try {
      read(value);
      return true;
    } catch {
      return false;
    }
  };

/** Names that a shell can export, texts that an environment can hold. */
const environment: Check = (value) => {
  if (!record(text)(value)) return false;
  for (const [name, content] of Object.entries(value as Record<string, string>))
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || content.includes('\0')) return false;
  return true;
};

/** As strict as the options that they come from: what a store cannot keep, or a core cannot reckon with, must not get to either. */
const attributes = plain(
  {},
  {
    id: readable(parseTaskId),
    key,
    group: small,
    priority,
    cores: amount,
    memory: amount,
    resources: record(amount),
    timeout: milliseconds,
    tags: record(scalar),
    startAfter: moment,
    startDelay: milliseconds,
    dependsOn: array(text),
    parents: array(whole),
    earlierAttempts: small,
    dependencyFailure: oneOf('reject', 'run'),
    cron: readable(checkCron),
    timezone: readable(checkTimezone),
    fields: record(scalar),
    place: whole,
    maxRetries: small,
    backoff: plain({
      delay: milliseconds,
      factor: (value) => amount(value) && (value as number) >= 1,
      max: milliseconds,
      jitter: (value) => amount(value) && (value as number) <= 1,
    }),
    env: environment,
    cwd: (value) => typeof value === 'string' && value !== '' && !value.includes('\0'),
    rejected: plain({ code: text, message: text }),
  },
);

/** `WireTask`. */
export const wireTask: Check = tuple(oneOf(0, 1), text, nullable(binaryOrText), nullable(attributes));

/** With its causes, which are bounded here too: a shape that named itself would follow any depth. */
const errorFields = { name: text, message: text, code: nullable(text), stack: nullable(text) };
const mostCauses = 8;
let taskError = plain(errorFields);
for (let depth = 0; depth < mostCauses; depth++) taskError = plain(errorFields, { cause: taskError });

const extra = plain(
  {},
  {
    command: text,
    signal: text,
    stdout: binaryOrText,
    stderr: binaryOrText,
    stdoutPath: text,
    stderrPath: text,
    truncated: bool,
    value: binaryOrText,
    valuePath: text,
    peakCores: finite,
    peakMemory: finite,
    monitorPath: text,
    error: taskError,
  },
);

/** `WireResult`. */
export const wireResult: Check = tuple(whole, count, nullable(count), nullable(moment), milliseconds, nullable(count), nullable(extra));
