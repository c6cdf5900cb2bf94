/** A path that opens for writing, and then fails at every write (EPIPE): a file on a disk that breaks, on every system that has named pipes. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './temporary.ts';

/** Until `breakOff` what is written is taken, up to 64 KiB. */
export function breakingPipe(): { readonly path: string; breakOff(): void } {
  const path = join(temporaryFolder(), 'pipe');
  execFileSync('mkfifo', [path]);
  // Whoever opens it for writing would wait for a reader.
  let reader: number | null = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const breakOff = (): void => {
    if (reader !== null) closeSync(reader);
    reader = null;
  };
  onTestFinished(breakOff);
  return { path, breakOff };
}
