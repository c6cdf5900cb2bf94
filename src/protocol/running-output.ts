/**
 * What a running command has written so far, as the server asks its client for it, and only when somebody wants to see it: nothing is sent or kept for it otherwise.
 * Of each stream the end of what there is. Units: bytes.
 */
import { MillraceError } from '../base/errors.ts';
import { binaryOrText, bool, count, nullable, plain, whole } from './shapes.ts';

/** The most of one stream, and what is given where nothing was said. */
export const mostOutput: number = 2 ** 20;
export const someOutput: number = 2 ** 16;

/** Text where it is UTF-8 without NUL, else bytes. `cut`: it begins with something that is left out. */
export interface StreamEnd {
  content: string | Uint8Array;
  cut: boolean;
}

/** Null: that stream is not kept where the command runs (`capture`), or what runs is no command. */
export interface RunningOutput {
  stdout: StreamEnd | null;
  stderr: StreamEnd | null;
}

/** Which task, by its number; `limit`: of each stream. */
export interface OutputQuestion {
  n: number;
  limit: number;
}

const isQuestion = plain({ n: whole, limit: count });
const isStream = nullable(plain({ content: binaryOrText, cut: bool }));
const isOutput = plain({ stdout: isStream, stderr: isStream });

/** @throws ERR_PROTOCOL */
export function checkOutputQuestion(value: unknown): OutputQuestion {
  if (!isQuestion(value)) throw new MillraceError('ERR_PROTOCOL', 'a question for the output of a task has its number and a limit');
  const { n, limit } = value as OutputQuestion;
  return { n, limit: Math.min(limit, mostOutput) };
}

/** As a client answered; null: the task does not run there. @throws ERR_PROTOCOL */
export function checkRunningOutput(value: unknown, limit: number): RunningOutput | null {
  if (value === null) return null;
  if (!isOutput(value) || tooLong((value as RunningOutput).stdout, limit) || tooLong((value as RunningOutput).stderr, limit))
    throw new MillraceError('ERR_PROTOCOL', 'a client answered with something that is no output of a task, or with too much');
  return value as RunningOutput;
}

function tooLong(stream: StreamEnd | null, limit: number): boolean {
  return stream !== null && stream.content.length > limit;
}
