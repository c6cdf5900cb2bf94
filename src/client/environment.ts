/**
 * What a command finds in its environment beside its client's own: `TASK_…` (source: HyperShell). What is the same for all tasks of
 * a client is set once, in the shells themselves; only the rest is exported for each command. Unset values are left out.
 */

import type { ClientConfig } from '../config/client-options.ts';
import type { HeldTask } from './core/held.ts';

/** Names that are no identifiers cannot be exported by a shell: tags lose what is not a letter, digit or underscore. */
const unusable = /[^A-Z0-9_]/g;

/** For every task of this client. */
export function commonEnvironment(config: ClientConfig, id: string, host: string): Record<string, string> {
  return { TASK_CLIENT_ID: id, TASK_CLIENT_HOST: host, TASK_SLOT_COUNT: String(config.numTasks) };
}

/** Bytes. No process can be started with a longer variable than 128 KiB (Linux), and the two may hold the same text. */
const longestVariable = 64 * 1024;

/**
 * For one attempt: `TASK_ID`, `TASK_ARGS`, `TASK_COMMAND`, `TASK_ATTEMPT`, `TASK_GROUP`, `TASK_SLOT`, `TASK_SUBMIT_TIME`, `TASK_TAG_…`, and the task's own.
 * `TASK_ARGS` and `TASK_COMMAND` are each left out when longer than 64 KiB.
 */
export function taskEnvironment(task: HeldTask, id: string, command: string, slot: number): Record<string, string> {
  const [, submittedAt, [, args, , attributes]] = task.granted;
  const environment: Record<string, string> = {
    TASK_ID: id,
    TASK_ATTEMPT: String(task.attempt),
    TASK_GROUP: String(attributes?.group ?? 0),
    TASK_SLOT: String(slot),
    TASK_SUBMIT_TIME: new Date(submittedAt).toISOString(),
  };
  if (fits(args)) environment.TASK_ARGS = args;
  if (fits(command)) environment.TASK_COMMAND = command;
  if (attributes === null) return environment;
  const { cores, memory, timeout, tags, cwd, env } = attributes;
  if (cores !== undefined) environment.TASK_CORES = String(cores);
  if (memory !== undefined) environment.TASK_MEMORY = String(memory);
  if (timeout !== undefined) environment.TASK_TIMEOUT = String(timeout / 1000);
  if (cwd !== undefined) environment.TASK_CWD = cwd;
  for (const name in tags) environment[`TASK_TAG_${name.toUpperCase().replace(unusable, '_')}`] = String(tags[name]);
  return env === undefined ? environment : { ...environment, ...env };
}

/** A UTF-16 unit is at most three bytes: nearly always the length alone tells. */
function fits(text: string): boolean {
  return text.length * 3 <= longestVariable || Buffer.byteLength(text) <= longestVariable;
}
