/** What the check of a request's authorization says: who it is from, or the status and words with which it is refused. */

export type Verdict =
  | { readonly accepted: true /** Who signed, or whose token it is. */; readonly login: string }
  | { readonly accepted: false; readonly status: 401 | 403 | 503; readonly text: string };

/** A request as its server received it. */
export interface ReceivedRequest {
  readonly method: string;
  /** With its query, as it came (`request.url` of Node). */
  readonly path: string;
  /** The fields `host` and `authorization` are read. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** All of it; null or empty: there is none. */
  readonly body: Uint8Array | null;
}

export function refused(status: 401 | 403 | 503, text: string): Extract<Verdict, { accepted: false }> {
  return { accepted: false, status, text };
}

/** A field that came exactly once, else undefined. */
export function singleHeader(request: Pick<ReceivedRequest, 'headers'>, name: string): string | undefined {
  const value = Object.hasOwn(request.headers, name) ? request.headers[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}
