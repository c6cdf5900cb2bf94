/**
 * Values that are too large to travel: each in a file of its own, in a folder that only this user can read and that its thread makes for
 * the first one. Nobody else has the value, so the files stay when the client ends: who reads one removes it.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError, reasonOf } from '../../../base/errors.ts';
import { valueEndings } from '../../../task/value.ts';

let folder: string | null = null;

/**
 * Writes an encoded value; the path of its file.
 * @throws ERR_FRAME_TOO_LARGE when it cannot be written
 */
export function writeValue(parent: string, id: string, attempt: number, value: string | Uint8Array): string {
  const ending = typeof value === 'string' ? valueEndings.text : valueEndings.bytes;
  const name = `${id.replaceAll(/[^\w-]/g, '_').slice(0, 200)}.${attempt}${ending}`;
  try {
    if (folder !== null) return written(join(folder, name), value);
  } catch {
    // Somebody removed the folder: another one is made.
  }
  try {
    folder = mkdtempSync(join(parent, 'millrace-values-'));
    return written(join(folder, name), value);
  } catch (cause) {
    const reason = reasonOf(cause);
    const message = `the value has ${value.length} bytes or more, which is over valueLimit, and no file can be written for it: ${reason}`;
    throw new MillraceError('ERR_FRAME_TOO_LARGE', message, { cause });
  }
}

function written(path: string, value: string | Uint8Array): string {
  writeFileSync(path, value, { mode: 0o600, flag: 'wx' });
  return path;
}
