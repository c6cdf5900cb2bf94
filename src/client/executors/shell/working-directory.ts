/** Whether a command may have this working directory: asked before it starts, since a shell would tell only its own words about it. */
import { accessSync, constants, statSync } from 'node:fs';
import { MillraceError } from '../../../base/errors.ts';

/** null: it may. */
export function directoryError(cwd: string): MillraceError | null {
  try {
    if (!statSync(cwd).isDirectory()) return new MillraceError('ERR_CWD', `the working directory ${cwd} is not a directory`);
    accessSync(cwd, constants.X_OK);
    return null;
  } catch (cause) {
    return new MillraceError('ERR_CWD', `the working directory ${cwd} does not exist on this client or may not be entered`, { cause });
  }
}
