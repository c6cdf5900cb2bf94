/** Values that were too large to travel with their results. */
import { promises } from 'node:fs';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { decodeValue, valueEndings } from '../task/value.ts';

/**
 * The value in the file that a result names (`TaskResult.valuePath`), on the host where its function ran. The file stays: remove it when
 * nobody needs it any more.
 * @throws ERR_NOT_FOUND when there is no such file, ERR_NOT_CLONEABLE when it holds no value
 */
export async function readValue<T = unknown>(path: string): Promise<T> {
  let bytes: Buffer;
  try {
    bytes = await promises.readFile(path);
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new MillraceError('ERR_NOT_FOUND', `the file of a value cannot be read (it is on the client's host): ${reason}`, { cause });
  }
  return decodeValue(path.endsWith(valueEndings.text) ? bytes.toString('utf8') : bytes) as T;
}
