/**
 * The folders of our own that a client makes in its spool folder, each with the mark of its process: what clients that were killed have left is removed soon
 * after the next client works there. A folder is touched only when it is surely such a one: of this user, closed to others (0700), and marked by a process
 * of this machine that lives no more.
 */
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { isOfTheDead, ownMark } from '../transport/process-mark.ts';

/** In each folder: who made it, and whether results name files in it that outlive their client. */
const ownerFile = 'owner';

export function ownerText(keepsFiles: boolean): string {
  return `${ownMark()}\n${keepsFiles ? 'keep' : ''}\n`;
}

/** The file in which a folder's owner is told. */
export function ownerPath(folder: string): string {
  return join(folder, ownerFile);
}

/** What is in a folder: output of commands, the objects of graphs and the folders of their tasks, or the code of their functions. */
export type SpoolKind = 'output' | 'graph' | 'code';

const starts: Readonly<Record<SpoolKind, string>> = { output: 'millrace-', graph: 'millrace-graph-', code: 'millrace-code-' };
const isOurs = /^millrace-(?:graph-|code-)?\w{6}$/;

/** A new one in `parent`, which must exist. Throws what the file system says. */
export function makeSpoolFolder(parent: string, kind: SpoolKind, keepsFiles = false): string {
  const folder = mkdtempSync(join(parent, starts[kind]));
  writeFileSync(ownerPath(folder), ownerText(keepsFiles), { mode: 0o600 });
  return folder;
}

/**
 * When what others have left is looked for (ms): not while this client and its server start. To read the names of a folder that once held two
 * million entries takes 150 ms of a processor, about what a start of all threads takes.
 */
const sweepDelay = 1_000;

/** Removes soon what clients that were killed have left there. */
export function sweepSoon(parent: string, clock: Clock): void {
  clock.after(sweepDelay, () => void sweepSpools(parent), { unref: true });
}

/** Folder entries that are read at a time. */
const bufferSize = 1_024;

/** Never fails: what cannot be read or removed stays. It lets others go on meanwhile: to read the names of two million entries takes five seconds. */
export async function sweepSpools(parent: string): Promise<void> {
  try {
    for await (const { name } of await opendir(parent, { bufferSize })) if (isOurs.test(name)) sweep(join(parent, name));
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
    removeTree(named ? join(folder, 'commands') : folder);
  } catch {
    // Another client that starts is at it, or it has no mark: it is nobody's business here.
  }
}

/** A file or folder goes, whatever a task has done to it. Throws what the file system says. */
export function removeTree(path: string): void {
  try {
    removeAll(path);
  } catch {
    makeWritable(path);
    removeAll(path);
  }
}

function removeAll(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Nothing can be taken out of a folder that is not. What a link leads to is none of ours. */
function makeWritable(folder: string): void {
  if (!lstatSync(folder).isDirectory()) return;
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) makeWritable(join(folder, entry.name));
}
