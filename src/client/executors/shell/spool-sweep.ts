/**
 * What clients that were killed have left in a spool folder: removed soon after the next client has started there. A folder is touched only when it is
 * surely such a one: of this user, closed to others (0700), and marked by a process of this machine that lives no more.
 */
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOfTheDead, ownMark } from '../../../transport/process-mark.ts';

/** In each folder: who made it, and whether results name files in it that outlive their client. */
const ownerFile = 'owner';

export function ownerText(keepsFiles: boolean): string {
  return `${ownMark()}\n${keepsFiles ? 'keep' : ''}\n`;
}

/** The file in which a folder's owner is told. */
export function ownerPath(folder: string): string {
  return join(folder, ownerFile);
}

/** Folder entries that are read at a time. */
const bufferSize = 1_024;

/** Never fails: what cannot be read or removed stays. It lets others go on meanwhile: to read the names of two million entries takes five seconds. */
export async function sweepSpools(parent: string): Promise<void> {
  try {
    for await (const { name } of await opendir(parent, { bufferSize })) if (/^millrace-\w{6}$/.test(name)) sweep(join(parent, name));
  } catch {
    // It cannot be read, or not to its end.
  }
}

function sweep(folder: string): void {
  try {
    const found = lstatSync(folder);
    if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o777) !== 0o700) return;
    const [mark = '', keep = ''] = readFileSync(ownerPath(folder), 'utf8').split('\n');
    if (!isOfTheDead(mark)) return;
    // Files that results name stay until somebody removes them.
    const named = keep === 'keep' && readdirSync(join(folder, 'results')).length > 0;
    rmSync(named ? join(folder, 'commands') : folder, { recursive: true, force: true });
  } catch {
    // Another client that starts is at it, or it has no mark: it is nobody's business here.
  }
}
