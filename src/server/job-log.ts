/** The job log of a run: each finished task becomes a line of it after its end is committed. A log that cannot be written ends the run. */
import type { Clock } from '../base/clock.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { hostName } from '../base/ids.ts';
import { AppendFile } from '../output/append-file.ts';
import { formatJobLogLine, type JobLogEntry, jobLogHeader, signalNumber } from '../source/job-log.ts';
import type { AttemptEnd, ClientRow } from '../store/store.ts';
import { outcomeCode } from '../task/result.ts';
import { bytesOf } from '../task/size.ts';
import type { WireTask } from '../task/task.ts';

export interface JobLogOptions {
  readonly path: string;
  /** Go on with a log that is there; else it is begun anew. */
  readonly resume: boolean;
  readonly clock: Clock;
  /** The run cannot go on. */
  failed(error: MillraceError): void;
}

export class JobLog {
  readonly #file: AppendFile;
  readonly #path: string;
  /** Of tasks that never reached a client. Asked for once: the system takes 10 µs to tell it. */
  readonly #ownHost: string = hostName();

  /** @throws ERR_JOB_LOG */
  static async open({ path, resume, clock, failed }: JobLogOptions): Promise<JobLog> {
    try {
      const file = await AppendFile.open(path, {
        clock,
        header: jobLogHeader,
        keep: resume,
        failed: (cause) => failed(unwritable(path, cause)),
      });
      return new JobLog(file, path);
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  private constructor(file: AppendFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** These tasks ended so, one for one; it is committed. */
  add(ended: readonly { readonly wire: WireTask }[], ends: readonly AttemptEnd[], clients: ReadonlyMap<number, ClientRow>): void {
    let lines = '';
    for (let i = 0; i < ended.length; i++) {
      const { wire } = ended[i]!;
      const end = ends[i]!;
      const host = (end.client === null ? undefined : clients.get(end.client)?.host) ?? this.#ownHost;
      lines += formatJobLogLine(jobLogEntry(wire, end, host));
    }
    this.#file.write(lines);
  }

  /** All is in the file. @throws ERR_JOB_LOG */
  async close(): Promise<void> {
    try {
      await this.#file.close();
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }
}

/** What the log says of a task. Whatever did not succeed has an exit value or a signal, so that resuming what failed finds it. */
export function jobLogEntry([, args, , attributes]: WireTask, end: AttemptEnd, host: string): JobLogEntry {
  const { outcome, extra, startedAt, durationMs, completedAt } = end;
  const signal = signalNumber(extra?.signal ?? null);
  const status = end.exitStatus ?? 0;
  const untold = outcome !== outcomeCode.succeeded && status === 0 && signal === 0;
  // GNU parallel writes -1 for what its time limit ended.
  const exitValue = outcome === outcomeCode.timeout ? -1 : untold ? (outcome === outcomeCode.failed ? 1 : -1) : status;
  return {
    // Any other number would be the place of a task of the source, which resuming would then pass over.
    place: attributes?.place ?? 0,
    host,
    startedAt: startedAt ?? completedAt,
    durationMs,
    received: bytesOf(extra?.stdout),
    exitValue,
    signal,
    command: extra?.command ?? args,
  };
}

function unwritable(path: string, cause: unknown): MillraceError {
  return new MillraceError('ERR_JOB_LOG', `the job log ${path} cannot be written: ${reasonOf(cause)}`, { cause });
}
