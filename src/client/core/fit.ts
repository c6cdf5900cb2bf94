/** Ends of attempts that are larger than a frame: output is cut, a value that cannot be cut fails its task, alone. */
import { MillraceError } from '../../base/errors.ts';
import type { ResultExtra } from '../../task/result.ts';
import { bytesOf, extraSize, largestPayload } from '../../task/size.ts';
import type { ExecutionEnd } from '../executor.ts';

/**
 * The same end when it fits; else with its output cut, or failed with `ERR_FRAME_TOO_LARGE`.
 * @param args The task's command line, which is shown with the result.
 */
export function fitted(end: ExecutionEnd, args = ''): ExecutionEnd {
  const { extra } = end;
  if (extra === null || (extraSize(extra) + args.length) * 3 <= largestPayload) return end;
  const whole = bytesOf(extra.command) + bytesOf(extra.value) + bytesOf(args);
  const out = bytesOf(extra.stdout);
  const err = bytesOf(extra.stderr);
  const room = largestPayload - whole;
  if (out + err <= room) return end;
  if (room < 0) return tooLarge(end, extra, whole);
  // Each may have half; what one leaves the other takes.
  const half = Math.floor(room / 2);
  const cut: ResultExtra = { ...extra, truncated: true };
  if (extra.stdout !== undefined) cut.stdout = head(extra.stdout, Math.max(half, room - err));
  if (extra.stderr !== undefined) cut.stderr = head(extra.stderr, Math.max(half, room - out));
  return { ...end, extra: cut };
}

function tooLarge(end: ExecutionEnd, extra: ResultExtra, size: number): ExecutionEnd {
  const what = extra.value === undefined ? 'its command line' : 'the value that it returned';
  const { name, message, code } = new MillraceError(
    'ERR_FRAME_TOO_LARGE',
    `${what} has ${size} bytes, and a result at most ${largestPayload}: write it to a file and return the path`,
  );
  const { stdoutPath, stderrPath } = extra;
  const kept = { ...(stdoutPath === undefined ? {} : { stdoutPath }), ...(stderrPath === undefined ? {} : { stderrPath }) };
  return { ...end, outcome: 'failed', extra: { ...kept, error: { name, message, code, stack: null } } };
}

/** The first bytes, never a part of a character. */
function head(output: string | Uint8Array, most: number): string | Uint8Array {
  if (bytesOf(output) <= most) return output;
  if (typeof output !== 'string') return output.subarray(0, most);
  const bytes = Buffer.from(output);
  let end = most;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
