/**
 * The errors of remote objects by kind, as their users catch them (`Pyro4.errors`). A kind is a set of codes: `error instanceof NamingError` asks for the
 * code of an error, so that it holds wherever the error was made, by the transport too, and on whichever side of a connection.
 */
import { type ErrorCode, type ErrorOptionsWithDetails, MillraceError } from '../base/errors.ts';

/** What a new error of a kind may carry. */
export interface RemoteErrorOptions extends ErrorOptionsWithDetails {
  /** One of the codes of its kind. Default: the first. */
  readonly code?: ErrorCode;
}

/** A class that names no codes of its own, as a user's, has the instances that it made. */
function byCode(this: { readonly codes?: readonly ErrorCode[] }, error: unknown): boolean {
  if (!Object.hasOwn(this, 'codes')) return Function.prototype[Symbol.hasInstance].call(this as typeof PyroError, error);
  return error instanceof MillraceError && this.codes?.includes(error.code) === true;
}

/** Any error of a remote object that is not the object's own (`PyroError`). */
export class PyroError extends MillraceError {
  /** The codes of its kind; the first is that of a new one. */
  static readonly codes: readonly ErrorCode[] = [
    'ERR_REMOTE',
    'ERR_URI',
    'ERR_BATCH',
    'ERR_CIRCULAR',
    'ERR_NOT_EXPOSED',
    'ERR_CONNECTION_CLOSED',
    'ERR_CONNECT_TIMEOUT',
    'ERR_ADDRESS',
    'ERR_SLOW_PEER',
    'ERR_TIMEOUT',
    'ERR_PROTOCOL',
    'ERR_VERSION',
    'ERR_FRAME_TOO_LARGE',
    'ERR_NOT_CLONEABLE',
    'ERR_NAME',
    'ERR_OBJECT',
    'ERR_AUTH',
    'ERR_AUTH_REQUIRED',
    'ERR_AUTH_WEAK',
    'ERR_TLS',
  ];

  constructor(message: string, { code, ...options }: RemoteErrorOptions = {}) {
    super(code ?? new.target.codes[0]!, message, options);
    this.name = new.target.name;
  }

  static override readonly [Symbol.hasInstance]: (this: { readonly codes?: readonly ErrorCode[] }, error: unknown) => boolean = byCode;
}

/** The way to the object failed, or what came over it. */
export class CommunicationError extends PyroError {
  static override readonly codes: readonly ErrorCode[] = [
    'ERR_CONNECTION_CLOSED',
    'ERR_CONNECT_TIMEOUT',
    'ERR_ADDRESS',
    'ERR_SLOW_PEER',
    'ERR_TIMEOUT',
    'ERR_PROTOCOL',
    'ERR_VERSION',
    'ERR_FRAME_TOO_LARGE',
    'ERR_NOT_CLONEABLE',
  ];
}

/** The connection ended, or there is nobody at the address. */
export class ConnectionClosedError extends CommunicationError {
  static override readonly codes: readonly ErrorCode[] = ['ERR_CONNECTION_CLOSED'];
}

/** No answer in time, or no connection. */
export class TimeoutError extends CommunicationError {
  static override readonly codes: readonly ErrorCode[] = ['ERR_TIMEOUT', 'ERR_CONNECT_TIMEOUT'];
}

/** The other side speaks otherwise, or of what cannot be said. */
export class ProtocolError extends CommunicationError {
  static override readonly codes: readonly ErrorCode[] = ['ERR_PROTOCOL', 'ERR_VERSION', 'ERR_FRAME_TOO_LARGE', 'ERR_NOT_CLONEABLE'];
}

/** A call or its result is larger than a message may be. */
export class MessageTooLargeError extends ProtocolError {
  static override readonly codes: readonly ErrorCode[] = ['ERR_FRAME_TOO_LARGE'];
}

/** An argument or a result cannot cross. */
export class SerializeError extends ProtocolError {
  static override readonly codes: readonly ErrorCode[] = ['ERR_NOT_CLONEABLE'];
}

/** A name is unknown, kept already, or none. */
export class NamingError extends PyroError {
  static override readonly codes: readonly ErrorCode[] = ['ERR_NAME'];
}

/** The daemon has no such object, or has it already. */
export class DaemonError extends PyroError {
  static override readonly codes: readonly ErrorCode[] = ['ERR_OBJECT'];
}

/** The two sides do not hold the same key, or do not trust their certificates. */
export class SecurityError extends PyroError {
  static override readonly codes: readonly ErrorCode[] = ['ERR_AUTH', 'ERR_AUTH_REQUIRED', 'ERR_AUTH_WEAK', 'ERR_TLS'];
}
