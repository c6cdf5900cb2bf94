/** Submissions that are started and waited for in one call. (Source: HyperShell, `submit_from`, `submit_file`.) */
import { MillraceError } from '../base/errors.ts';
import type { Source } from '../config/shared-options.ts';
import type { SubmitOptions } from '../config/submit-options.ts';
import { type SubmitSummary, SubmitThread } from '../submit/thread.ts';

/** Submit the tasks of a source; resolves when the last one is committed. Errors: those of `SubmitThread.new` and `join`. */
export async function submitFrom(source: Source, options: SubmitOptions = {}): Promise<SubmitSummary> {
  const submitter = await SubmitThread.new(source, options);
  return submitter.join();
}

/** Submit the tasks of a file, a line each. Errors: ERR_SOURCE_NOT_FOUND and those of `submitFrom`. */
export async function submitFile(path: string | URL, options: SubmitOptions = {}): Promise<SubmitSummary> {
  if (typeof path !== 'string' && !(path instanceof URL))
    throw new MillraceError('ERR_OPTION', 'submitFile() takes the path of a file; for a list of tasks use submitFrom()');
  return submitFrom(path, options);
}
