/**
 * What resuming adds to the submission of a server's own source: places for the job log, those that it says are done, and tasks that are
 * known and did not succeed, which are queued again while the submission is open, so that the run cannot end before them.
 */
import type { ServerConfig } from '../config/server-options.ts';
import { readJobLog } from '../source/job-log.ts';
import type { BundleSink, Receipt } from '../source/pump.ts';
import type { WireTask } from '../task/task.ts';

/** How a server's own source is submitted. */
export interface OwnSource {
  /** What the store knows by its content is not submitted again. */
  readonly resume: boolean;
  /** Tell each task its place: a job log is kept. */
  readonly places: boolean;
  /** Places that are done; null: none. */
  readonly skip: ReadonlySet<number> | null;
  /** What is known and did not succeed is queued again. */
  readonly requeue: boolean;
}

/** @throws ERR_JOB_LOG */
export async function ownSource({ resume, database, joblog }: ServerConfig): Promise<OwnSource> {
  const durable = database !== null;
  const skip = resume !== false && !durable && joblog !== null ? await donePlaces(joblog, resume === 'failed') : null;
  return { resume: resume !== false && durable, places: joblog !== null, skip, requeue: resume === 'failed' && durable };
}

/** As GNU parallel's `--resume`, or `--resume-failed`: of a place that was run more than once the last entry counts. */
async function donePlaces(joblog: string, onlySucceeded: boolean): Promise<Set<number>> {
  const places = new Set<number>();
  for await (const { place, exitValue, signal } of readJobLog(joblog)) {
    if (onlySucceeded && (exitValue !== 0 || signal !== 0)) places.delete(place);
    else places.add(place);
  }
  return places;
}

/** The same sink; before it answers, `requeue` has taken up what was known. Malformed tasks stay as they were recorded. */
export function requeueing(sink: BundleSink, requeue: (numbers: number[]) => Promise<unknown>): BundleSink {
  return {
    async send(sequence: number, tasks: WireTask[]): Promise<Receipt> {
      const receipt = await sink.send(sequence, tasks);
      const numbers = receipt.duplicates.flatMap(([place, n]) => (tasks[place]?.[3]?.rejected === undefined ? n : []));
      if (numbers.length > 0) await requeue(numbers);
      return receipt;
    },
  };
}
