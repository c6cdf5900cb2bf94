/** What goes wrong in a request of the gateway, as the status that says whose fault it is; the body is the same JSON that errors of handlers have. */
import { type ErrorCode, MillraceError, reasonOf } from '../../base/errors.ts';

/** A request that is refused with this status. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text);
    this.name = 'Refusal';
    this.status = status;
    this.headers = headers;
  }
}

/** What a handler threw is a defect of it or of what it asked, whatever kind of error it is. */
export class HandlerFailure extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super(reasonOf(thrown));
    this.thrown = thrown;
  }
}

const statuses: Partial<Record<ErrorCode, number>> = {
  ERR_NOT_FOUND: 404,
  ERR_STATE: 409,
  ERR_ENDED: 503,
  ERR_CONNECTION_CLOSED: 503,
  ERR_DATABASE: 503,
  ERR_TIMEOUT: 504,
};

/** Whoever asked has written it wrongly. */
const malformed: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_OPTION',
  'ERR_UNKNOWN_OPTION',
  'ERR_SOURCE',
  'ERR_TASK',
  'ERR_DIRECTIVE',
  'ERR_TAG',
  'ERR_NAME',
  'ERR_TEMPLATE',
  'ERR_CRON',
  'ERR_JSON',
  'ERR_DEPENDENCY',
  'ERR_SIZE',
  'ERR_DURATION',
  'ERR_QUERY',
  'ERR_FRAME_TOO_LARGE',
  'ERR_NOT_CLONEABLE',
]);

/** The status of what an endpoint of the gateway itself threw. */
export function statusOf(thrown: unknown): number {
  if (thrown instanceof Refusal) return thrown.status;
  // A body that did not come is, to whoever reads tasks from it, a source that failed.
  if (thrown instanceof MillraceError && thrown.cause instanceof Refusal) return thrown.cause.status;
  if (!(thrown instanceof MillraceError)) return 500;
  return malformed.has(thrown.code) ? 400 : (statuses[thrown.code] ?? 500);
}
