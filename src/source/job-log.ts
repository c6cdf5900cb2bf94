/**
 * The job log of GNU parallel (`--joblog`), as text: how a finished task stands in it, and how one is read back to resume from. A line is nine columns with
 * tabs between them: `Seq Host Starttime JobRuntime Send Receive Exitval Signal Command`; line breaks of a command are NUL, as there.
 */
import { createReadStream } from 'node:fs';
import { constants } from 'node:os';
import { StringDecoder } from 'node:string_decoder';
import { MillraceError, reasonOf } from '../base/errors.ts';

/** The first line. */
export const jobLogHeader: string = 'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n';

export interface JobLogEntry {
  /** The place of the task in the source of its server, from 1; 0: it came from elsewhere. */
  readonly place: number;
  readonly host: string;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** Bytes of captured standard output. */
  readonly received: number;
  /** -1: it was ended by a time limit, or never ran. */
  readonly exitValue: number;
  /** The number of the signal that ended it; 0: none. */
  readonly signal: number;
  readonly command: string;
}

/** The line of a task, with its line break. */
export function formatJobLogLine(entry: JobLogEntry): string {
  const { place, host, startedAt, durationMs, received, exitValue, signal, command } = entry;
  // The columns before the command are told apart by white space where the log is read.
  const name = host.replace(/\s/g, '') || ':';
  const start = (startedAt / 1_000).toFixed(3);
  const runtime = (durationMs / 1_000).toFixed(3).padStart(10);
  return `${place}\t${name}\t${start}\t${runtime}\t0\t${received}\t${exitValue}\t${signal}\t${command.replaceAll('\n', '\0')}\n`;
}

/** The number of a signal by its name; 0: none. */
export function signalNumber(name: string | null): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return name !== null && Object.hasOwn(numbers, name) ? (numbers[name] as number) : 0;
}

const linePattern = /^(\d+)\t([^\t]*)\t\s*(-?\d+(?:\.\d+)?)\t\s*(-?\d+(?:\.\d+)?)\t\s*-?\d+\t\s*(-?\d+)\t\s*(-?\d+)\t\s*(\d+)\t(.*)$/s;

/** Longest line that is looked at; a command line of 14 MiB fits. */
const longestLine = 16 * 2 ** 20;

/**
 * Read a job log, entry by entry, as it is in the file: a place that was run twice comes twice. A last line without its line break was cut off while it was being
 * written and is passed over. A file that is not there has no entries.
 * @throws ERR_JOB_LOG with the number of the line that is malformed, or for a file that cannot be read
 */
export async function* readJobLog(path: string): AsyncGenerator<JobLogEntry, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let line = 0;
  try {
    for await (const bytes of createReadStream(path)) {
      const lines = (rest + decoder.write(bytes as Buffer)).split('\n');
      rest = lines.pop() as string;
      if (rest.length > longestLine) throw malformed(path, line + 1, `it is longer than ${longestLine} characters`);
      for (const text of lines) {
        const entry = parseLine(path, ++line, text);
        if (entry !== null) yield entry;
      }
    }
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new MillraceError('ERR_JOB_LOG', `the job log ${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

/** null: the header. */
function parseLine(path: string, line: number, text: string): JobLogEntry | null {
  if (line === 1) {
    if (`${text}\n` === jobLogHeader) return null;
    throw malformed(path, line, `the first line must be ${JSON.stringify(jobLogHeader.trimEnd())}`);
  }
  const match = linePattern.exec(text);
  if (match === null) throw malformed(path, line, `expected 9 columns with tabs between them; it is ${JSON.stringify(text.slice(0, 200))}`);
  const [, place, host, start, runtime, received, exitValue, signal, command] = match as unknown as string[];
  return {
    place: Number(place),
    host: host as string,
    startedAt: Math.round(Number(start) * 1_000),
    durationMs: Math.round(Number(runtime) * 1_000),
    received: Number(received),
    exitValue: Number(exitValue),
    signal: Number(signal),
    command: (command as string).replaceAll('\0', '\n'),
  };
}

function malformed(path: string, line: number, what: string): MillraceError {
  return new MillraceError('ERR_JOB_LOG', `the job log ${path}, line ${line}: ${what}`, { details: { path, line } });
}
