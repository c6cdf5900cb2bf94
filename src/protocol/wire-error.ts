/** The one mapping between errors and what crosses to another thread or machine. No stack of the other side is trusted to be short. */
import { type ErrorCode, errorCodes, MillraceError } from '../base/errors.ts';

export interface WireError {
  code: string;
  message: string;
  details: Readonly<Record<string, unknown>>;
  cause: string | null;
}

const longest = 8_192;

/** An error as plain data: JSON-safe when its details are. */
export function toWireError(thrown: unknown): WireError {
  const error = MillraceError.from(thrown);
  const cause =
    error.cause === undefined ? null : error.cause instanceof Error ? String(error.cause.stack ?? error.cause) : String(error.cause);
  return {
    code: error.code,
    message: error.message.slice(0, longest),
    details: error.details,
    cause: cause === null ? null : cause.slice(0, longest),
  };
}

/** The error that the other side sent; an unknown code becomes `ERR_INTERNAL`, what is no error `ERR_PROTOCOL`. */
export function fromWireError(wire: unknown): MillraceError {
  if (typeof wire !== 'object' || wire === null) return new MillraceError('ERR_PROTOCOL', 'the other side refused without an error');
  const { code, message, details, cause } = wire as Partial<WireError>;
  const known = typeof code === 'string' && Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : 'ERR_INTERNAL';
  return new MillraceError(known, typeof message === 'string' ? message : 'unknown error', {
    ...(typeof cause === 'string' ? { cause: new Error(cause) } : {}),
    details: typeof details === 'object' && details !== null ? details : {},
  });
}
