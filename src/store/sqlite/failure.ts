/**
 * What SQLite says went wrong, as errors that say what to do, and whether trying again can help.
 *
 * A commit that fails is made again whole, by the same connection: in WAL mode that writes every page of the transaction anew, at the same place
 * in the log, and syncs it. So a failed fsync is never trusted by a second fsync alone, after which the kernel may report as safe what it dropped. To
 * open the file anew instead would be worse: the log would be read from the page cache, the failed transaction in it, and none of it written again.
 */
import { MillraceError, reasonOf } from '../../base/errors.ts';
import { type DriverKind, resultCode } from './driver.ts';

/** Extended codes of reads that failed: what is to be read again is not there. */
const failedReads: ReadonlySet<number> = new Set([
  266, // IOERR_READ
  522, // IOERR_SHORT_READ
  8202, // IOERR_DATA: a checksum is wrong
  8458, // IOERR_CORRUPTFS
]);

/** Codes that pass by themselves or by what an administrator does: space, memory, another connection, a mount, descriptors. */
const passing: ReadonlySet<number> = new Set([
  3, // PERM
  resultCode.busy,
  6, // LOCKED
  7, // NOMEM
  resultCode.readOnly,
  9, // INTERRUPT
  resultCode.inputOutput,
  resultCode.full,
  resultCode.cannotOpen,
  15, // PROTOCOL: the locks of the log were contended
]);

export const damaged: string =
  'the file is damaged: nothing more was written to it. Keep it with its -wal, and restore a backup, or save what is readable with "sqlite3 FILE .recover"';

const advice: ReadonlyMap<number, string> = new Map([
  [resultCode.full, 'the disk is full: free some space; what was not committed may be committed again'],
  [resultCode.cannotOpen, 'the file could not be opened: check that its folder exists and may be written'],
  [resultCode.readOnly, 'this user may not write the file: change its owner or mode, or name another file'],
  [resultCode.corrupt, damaged],
  [resultCode.busy, 'another program has the file locked: end it'],
]);

/**
 * `details.sqlite`: the extended result code, 0 for what is no error of SQLite. `details.lasting`: trying again cannot help.
 */
export function databaseError(kind: DriverKind, path: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  const extended = kind.code(error);
  const code = extended & 0xff;
  if (code === resultCode.notADatabase)
    return new MillraceError('ERR_DATABASE_FOREIGN', `${path} is not a SQLite database: name another file`, {
      cause: error,
      details: { sqlite: extended, lasting: true },
    });
  const lasting = !passing.has(code) || failedReads.has(extended);
  return new MillraceError('ERR_DATABASE', `${path}: ${advice.get(code) ?? inWords(error, code, lasting)}`, {
    cause: error,
    details: { sqlite: extended, lasting },
  });
}

function inWords(error: unknown, code: number, lasting: boolean): string {
  if (code !== resultCode.inputOutput) return reasonOf(error);
  const what = lasting ? 'could not be read' : 'could not be written, or not be made safe';
  return `${reasonOf(error)}: it ${what}. Check the disk, its space and its limits; what was committed before is kept`;
}
