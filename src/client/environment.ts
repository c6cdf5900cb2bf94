/**
 * What a command finds in its environment beside its client's own: `TASK_…` (source: HyperShell). What is the same for all tasks of
 * a client is set once, in the shells themselves; only the rest is exported for each command. Unset values are left out.
 */
import type { ClientConfig } from '../config/client-options.ts';
import type { HeldTask } from './core/held.ts';

/** Names that are no identifiers cannot be exported by a shell: in the key of a tag each character but letters, digits and underscores becomes an underscore. */
const unusable = /[^A-Z0-9_]/g;

/** What is not known of an attempt from its task. */
export interface AttemptFacts {
  /** The server that granted it; null: not known yet. */
  readonly server: { readonly id: string; readonly host: string } | null;
  /** When it begins, epoch ms. */
  readonly wall: number;
}

/** For every task of this client. */
export function commonEnvironment(config: ClientConfig, id: string, host: string): Record<string, string> {
  return { TASK_CLIENT_ID: id, TASK_CLIENT_HOST: host, TASK_SLOT_COUNT: String(config.numTasks), TASK_CWD: process.cwd() };
}

/** Bytes. No process can be started with a longer variable than 128 KiB (Linux), and the two may hold the same text. */
const longestVariable = 64 * 1024;

/**
 * For one attempt: `TASK_ID`, `TASK_ARGS`, `TASK_COMMAND`, `TASK_ATTEMPT`, `TASK_GROUP`, `TASK_SLOT`, `TASK_SUBMIT_TIME`, `TASK_START_TIME`,
 * `TASK_SERVER_ID`, `TASK_SERVER_HOST`, `TASK_TAG_<KEY>` (upper-case; of two tags whose keys become the same name the last counts; true, false and null
 * by these words), where they are set `TASK_CORES`, `TASK_MEMORY` (bytes), `TASK_TIMEOUT` (seconds) and `TASK_CWD`, and the task's own `env`, which
 * wins. `TASK_ARGS` and `TASK_COMMAND` are each left out when longer than 64 KiB. (`TASK_OUTPATH` and `TASK_ERRPATH`: the executor's, with `capture: 'files'`.)
 * Of HyperShell's there is no `TASK_SUBMIT_ID`, `TASK_SUBMIT_HOST`, `TASK_SCHEDULE_TIME`, `TASK_WAITED`: a client is not told; and no
 * `TASK_PREVIOUS_ID`: a task keeps its id over all attempts.
 */
export function taskEnvironment(
  task: Pick<HeldTask, 'attempt' | 'granted'>,
  id: string,
  command: string,
  slot: number,
  { server, wall }: AttemptFacts,
): Record<string, string> {
  const [, submittedAt, [, args, , attributes]] = task.granted;
  const environment: Record<string, string> = {
    TASK_ID: id,
    TASK_ATTEMPT: String(task.attempt),
    TASK_GROUP: String(attributes?.group ?? 0),
    TASK_SLOT: String(slot),
    TASK_SUBMIT_TIME: new Date(submittedAt).toISOString(),
    TASK_START_TIME: new Date(wall).toISOString(),
  };
  if (server !== null) {
    environment.TASK_SERVER_ID = server.id;
    environment.TASK_SERVER_HOST = server.host;
  }
  if (fits(args)) environment.TASK_ARGS = args;
  if (fits(command)) environment.TASK_COMMAND = command;
  if (attributes === null) return environment;
  const { cores, memory, timeout, tags, cwd, env } = attributes;
  if (cores !== undefined) environment.TASK_CORES = String(cores);
  if (memory !== undefined) environment.TASK_MEMORY = String(memory);
  if (timeout !== undefined) environment.TASK_TIMEOUT = String(timeout / 1000);
  if (cwd !== undefined) environment.TASK_CWD = cwd;
  for (const name in tags) environment[`TASK_TAG_${name.toUpperCase().replace(unusable, '_')}`] = String(tags[name]);
  // One by one: to copy the whole with 24 of its own by `...` took 18 of the 180 µs that the client takes for a command.
  for (const name in env) environment[name] = env[name]!;
  return environment;
}

/** A UTF-16 unit is at most three bytes: nearly always the length alone tells. */
function fits(text: string): boolean {
  return text.length * 3 <= longestVariable || Buffer.byteLength(text) <= longestVariable;
}
