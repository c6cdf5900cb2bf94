/** What a running command has written so far, for somebody who looks on: the end of each stream. Loaded when that is asked for the first time. */
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import type { Answer, Refusal, Request } from '../protocol/messages.ts';
import { checkOutputQuestion, type StreamEnd } from '../protocol/running-output.ts';
import { toWireError } from '../protocol/wire-error.ts';
import type { OutputFiles } from './executor.ts';
import { cutBytes, sizeOf } from './executors/shell/spool.ts';

/** `filesOf`: null: that task does not run here, or is no command. */
export function answerOutput([, id, , parameters]: Request, filesOf: (n: number) => OutputFiles | null): Answer | Refusal {
  try {
    const { n, limit } = checkOutputQuestion(parameters);
    const files = filesOf(n);
    return ['=', id, files === null ? null : { stdout: streamEnd(files.output, limit), stderr: streamEnd(files.errors, limit) }];
  } catch (error) {
    return ['!', id, toWireError(error)];
  }
}

function streamEnd(path: string, limit: number): StreamEnd | null {
  // What goes into a pipe or nowhere cannot be looked at.
  if (path === '/dev/null') return null;
  const size = sizeOf(path);
  if (size === 0) return { content: '', cut: false };
  try {
    const file = openSync(path, 'r');
    try {
      const buffer = Buffer.allocUnsafeSlow(Math.min(size, limit));
      const length = readSync(file, buffer, 0, buffer.length, size - buffer.length);
      return textual(buffer.subarray(0, length), size > limit);
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

/** A character that is cut on either side is left out of a text; bytes stay whole. */
function textual(bytes: Uint8Array, cut: boolean): StreamEnd {
  let from = 0;
  while (cut && from < Math.min(3, bytes.length) && (bytes[from]! & 0xc0) === 0x80) from++;
  const whole = bytes.subarray(from, bytes.length - cutBytes(bytes));
  if (isUtf8(whole) && !whole.includes(0))
    return { content: Buffer.from(whole.buffer, whole.byteOffset, whole.length).toString('utf8'), cut };
  return { content: bytes, cut };
}
