/** The shapes of tasks and results inside messages: every field that a server or client reads. */
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

const attributes = plain(
  {},
  {
    id: text,
    key: text,
    group: count,
    priority: finite,
    cores: finite,
    memory: finite,
    resources: record(finite),
    timeout: finite,
    tags: record(scalar),
    startAfter: finite,
    startDelay: finite,
    dependsOn: array(text),
    parents: array(whole),
    earlierAttempts: count,
    dependencyFailure: oneOf('reject', 'run'),
    cron: text,
    timezone: text,
    fields: record(scalar),
    place: whole,
    maxRetries: count,
    backoff: plain({ delay: finite, factor: finite, max: finite, jitter: finite }),
    env: record(text),
    cwd: text,
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
export const wireResult: Check = tuple(whole, count, nullable(count), nullable(finite), finite, nullable(count), nullable(extra));
