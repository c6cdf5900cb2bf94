/**
 * The errors of sessions, in the hierarchy of Rain: everything that a graph, a session or a failed task throws is a `RainException`, and each is a
 * `MillraceError` with a code.
 */
import { type ErrorCode, type ErrorOptionsWithDetails, MillraceError } from '../base/errors.ts';

/** A call of this door asked for what cannot be: nothing was registered by it. Code: ERR_GRAPH unless the README says another. */
export class RainException extends MillraceError {
  constructor(message: string, options: ErrorOptionsWithDetails & { readonly code?: ErrorCode } = {}) {
    super(options.code ?? 'ERR_GRAPH', message, options);
    this.name = 'RainException';
  }
}

/** The session is closed, unknown to its server or has failed. Code: ERR_SESSION. */
export class SessionException extends RainException {
  constructor(message: string, options: ErrorOptionsWithDetails & { readonly code?: ErrorCode } = {}) {
    super(message, { code: 'ERR_SESSION', ...options });
    this.name = 'SessionException';
  }
}

/** What is known of a failed task. */
export interface TaskFailure {
  /** Its id within the session. */
  readonly id: number;
  /** How it is called: its name or type, and its id. */
  readonly task: string;
  /** Why it failed. */
  readonly reason: string;
  /** Where the program made it; '' when that is not known. */
  readonly createdAt: string;
  /** What its function said by `context.debug()`. */
  readonly debug: string;
  /** What its command wrote to stderr. */
  readonly stderr: string;
}

/** A task of the session failed, and with it the session. Each access throws it, the same facts each time. Code: ERR_TASK_FAILED. */
export class TaskException extends SessionException {
  readonly failure: TaskFailure;

  constructor(failure: TaskFailure, options: ErrorOptionsWithDetails = {}) {
    super(story(failure), { code: 'ERR_TASK_FAILED', details: { ...failure }, ...options });
    this.name = 'TaskException';
    this.failure = failure;
  }
}

function story({ task, reason, createdAt, debug, stderr }: TaskFailure): string {
  const parts = [`Task ${task} failed`, `Message: ${reason}`];
  if (createdAt !== '') parts.push(`Task created at:\n${createdAt}`);
  if (debug !== '') parts.push(`Debug:\n${debug}`);
  if (stderr !== '' && !reason.includes(stderr)) parts.push(`Stderr:\n${stderr}`);
  return parts.join('\n');
}

/** What is better done otherwise, refused before it slows everything down: large values as arguments of a function. Code: ERR_GRAPH. */
export class RainWarning extends MillraceError {
  constructor(message: string, options: ErrorOptionsWithDetails = {}) {
    super('ERR_GRAPH', message, options);
    this.name = 'RainWarning';
  }
}
