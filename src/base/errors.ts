/**
 * The one error type of the library and its stable codes.
 *
 * Nobody matches on message text: every failure that a caller can act on carries a `code` from the table below, a
 * message that says what to do, and its `cause`. The table is the source of the README's error table.
 */

/** Every stable code with its meaning, in the words of the README's table. */
export const errorCodes = {
  ERR_OPTION: 'an option has a wrong type, unit or value',
  ERR_UNKNOWN_OPTION: 'an option that does not exist; the message names the nearest one',
  ERR_ADDRESS: 'an address is malformed or does not resolve',
  ERR_ADDRESS_IN_USE: 'another process listens on the address',
  ERR_ADDRESS_DENIED: 'this user may not listen on the address',
  ERR_AUTH: 'the other side does not hold the same key',
  ERR_AUTH_REQUIRED: 'listening beyond loopback needs a key',
  ERR_AUTH_WEAK: 'the key is shorter than 12 characters',
  ERR_TLS: 'TLS could not be set up or the certificate is not trusted',
  ERR_VERSION: 'the two sides speak different protocol versions',
  ERR_PROTOCOL: 'the other side sent something that the protocol does not allow',
  ERR_FRAME_TOO_LARGE: 'a message is larger than the frame limit',
  ERR_CONNECT_TIMEOUT: 'no server answered within connectTimeout',
  ERR_CONNECTION_CLOSED: 'the connection ended before the answer came',
  ERR_SLOW_PEER: 'the other side read too slowly and was disconnected',
  ERR_SERVER_LOST: 'the server did not come back within reconnectTimeout',
  ERR_JOIN_TIMEOUT: 'join(timeout) ran out; the component goes on',
  ERR_TIMEOUT: 'an answer did not come in time',
  ERR_HTTP: 'a server answered with an error, or with what cannot be used',
  ERR_ABORTED: 'the AbortSignal of the call was aborted',
  ERR_ENDED: 'the component has ended; its handle takes no more calls',
  ERR_THREAD: 'a worker thread of the component ended unexpectedly',
  ERR_INTERNAL: 'a defect of the library itself',
  ERR_DATABASE: 'the database could not be opened, read or written',
  ERR_DATABASE_FOREIGN: 'the file or schema is not a database of this library',
  ERR_DATABASE_IN_USE: 'another server holds the database',
  ERR_DATABASE_VERSION: 'the database was written by a newer version',
  ERR_DATABASE_DRIVER: 'no driver of the database is available; the message says what to install',
  ERR_SOURCE: 'a source could not be read, or threw',
  ERR_SOURCE_NOT_FOUND: 'the file of a source does not exist',
  ERR_TASK: 'a task is malformed',
  ERR_DIRECTIVE: 'an inline directive is malformed',
  ERR_TAG: 'a tag is malformed',
  ERR_TEMPLATE: 'a template is malformed or does not fit the task',
  ERR_CRON: 'a cron line or a time zone is malformed',
  ERR_JSON: 'a line of JSON is malformed',
  ERR_JOB_LOG: 'a job log could not be read or written, or is malformed',
  ERR_EXPORT: 'a file or stream that tasks are exported to cannot be written',
  ERR_DEPENDENCY: 'a task depends on one that failed, was deleted or does not exist',
  ERR_SIZE: 'a size is malformed',
  ERR_DURATION: 'a duration is malformed',
  ERR_QUERY: 'a query is malformed',
  ERR_MODULE_NOT_FOUND: 'the module of a function task, or of routes, does not exist or does not load',
  ERR_EXPORT_NOT_FOUND: 'the module of a function task, or of routes, has no such export, or it is no function',
  ERR_NOT_CLONEABLE: 'an argument or a result cannot cross to another thread or machine',
  ERR_SPAWN: 'a command could not be started',
  ERR_CWD: 'the working directory of a task does not exist',
  ERR_REDIRECT: 'a file or stream that output is redirected to cannot be opened or written',
  ERR_OUTPUT_LIMIT: 'a command wrote more than outputLimit',
  ERR_WORKER_CRASHED: 'the thread of a function task ended under it',
  ERR_TASK_FAILED: 'a task failed: of throwOnFailure (the error carries the summary), or of a session',
  ERR_GROUP_FAILED: 'a task of a group failed for good; later groups were not started',
  ERR_RESOURCES: 'a task asks for more than its client has',
  ERR_NOT_FOUND: 'no task with this id, or no file of a value',
  ERR_REMOTE: 'a remote object failed in a way that has no code of its own',
  ERR_URI: 'a URI of a remote object is malformed, or of an unknown kind',
  ERR_OBJECT: 'a daemon has no object of this id, holds it already, or a reference was freed',
  ERR_NOT_EXPOSED: 'a remote object exposes no method or attribute of this name',
  ERR_NAME: 'a name server has no such name, or keeps it already',
  ERR_BATCH: 'a batch of remote calls was asked for something that cannot be',
  ERR_GRAPH: 'a task graph was asked for something that cannot be',
  ERR_SESSION: 'a session is closed or lost, or none is active',
  ERR_CONTENT_TYPE: 'a content type does not exist, does not fit, or its bytes are not what it says',
  ERR_CIRCULAR: 'a call of a batch depends on itself, or on one that is made after it',
  ERR_STATE: 'the task is not in a state that allows this',
} as const;

/** A stable error code of this library. */
export type ErrorCode = keyof typeof errorCodes;

/** What an error may carry beside its code and message. */
export interface ErrorOptionsWithDetails {
  cause?: unknown;
  /** Facts for programs: the option's name, the line and column, the summary… Plain, cloneable data. */
  details?: Readonly<Record<string, unknown>>;
}

/** The root of every error that this library throws or rejects with. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptionsWithDetails = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.details = options.details ?? {};
  }

  /** Any thrown thing as a `MillraceError`: one of ours unchanged, everything else wrapped under `code`. */
  static from(thrown: unknown, code: ErrorCode = 'ERR_INTERNAL'): MillraceError {
    if (thrown instanceof MillraceError) return thrown;
    return new MillraceError(code, reasonOf(thrown), { cause: thrown });
  }
}

/** What a thrown thing says, whatever it is. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The name of a value's class, for messages. */
export function className(value: object): string {
  const { constructor: maker } = value as { constructor?: unknown };
  return typeof maker === 'function' && maker.name !== '' ? maker.name : 'a class';
}

/** What a value is, for messages: `undefined`, `a symbol`, `an instance of Date`… */
export function kindOfValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? `an instance of ${className(value)}` : `a ${typeof value}`;
}
