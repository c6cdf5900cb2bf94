/**
 * What is no request at all, or tries to be two: refused before anything looks at where it leads. Paths are taken as they are written, never resolved, so
 * one that would have to be is refused.
 */
import type { IncomingMessage } from 'node:http';
import { Refusal } from './problem.ts';

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const longestTarget = 8_192;
const mostHeaders = 100;
const hostPattern = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
/** Fields that change who asks or what is asked: twice they could be read in two ways. */
const single: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type', 'content-length', 'content-encoding', 'origin']);

/** Why a request is refused; null: it is one. */
export function checkRequest({ method = '', url = '', headers, rawHeaders }: IncomingMessage): Refusal | null {
  if (rawHeaders.length / 2 > mostHeaders) return new Refusal(431, `a request has at most ${mostHeaders} header fields`);
  if (!methods.has(method))
    return new Refusal(405, `the method ${method.slice(0, 40)} is not known here`, { allow: [...methods].join(', ') });
  if (url.length > longestTarget) return new Refusal(414, `a path has at most ${longestTarget} characters`);
  if (headers.host === undefined || !isHost(headers.host)) return new Refusal(400, 'the field Host is missing or malformed');
  const coding = headers['transfer-encoding'] ?? 'chunked';
  if (coding.toLowerCase() !== 'chunked')
    return new Refusal(415, `the body is sent as ${coding.slice(0, 100)}: send it as it is, in chunks or with its length`);
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (single.has(name) && seen.has(name)) return new Refusal(400, `the field ${name} came twice`);
    seen.add(name);
  }
  return isPlainPath(url.split('?', 1)[0]!) ? null : new Refusal(400, 'the path is not one that is written plainly');
}

/** A host as URLs write it: `[::1]`, not `[0:0::1]`, and no number that stands for an address. */
function isHost(host: string): boolean {
  if (!hostPattern.test(host)) return false;
  try {
    return new URL(`http://${host}`).hostname === host.replace(/:\d+$/, '').toLowerCase();
  } catch {
    return false;
  }
}

/** What stands behind the first question mark: those after it belong to the query. */
export function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at === -1 ? '' : url.slice(at + 1));
}

/** Begins with a slash, and has no empty part, none of dots, nothing that is written in two ways, and no other host in front. */
export function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || /[^\x21-\x7e]|\\|\/\/|#/.test(path)) return false;
  if (/%(?:2f|5c|00|(?![0-9a-f]{2}))/i.test(path)) return false;
  try {
    return !decodeURIComponent(path)
      .split('/')
      .some((part) => part === '.' || part === '..');
  } catch {
    return false;
  }
}
