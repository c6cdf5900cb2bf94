/** The table of processes as `ps` tells it, where there is no `/proc`: a process each time, without waiting for it in this thread. */
import { execFile } from 'node:child_process';
import { MillraceError } from '../../../base/errors.ts';
import { type ProcessFacts, type ProcessTable, ProcTable } from './monitor-proc.ts';

/** Longer a look may not take (ms). */
const patience = 10_000;

/** The cheapest table that this machine has. @throws ERR_OPTION where it has none */
export async function openProcessTable(): Promise<ProcessTable> {
  if (process.platform === 'linux') {
    try {
      return new ProcTable();
    } catch {
      // /proc is not mounted here, or is not what it seems.
    }
  }
  const table = new PsTable();
  try {
    const facts = await table.read();
    if (facts.some(({ pid }) => pid === process.pid)) return table;
  } catch (cause) {
    throw none(cause);
  }
  throw none(null);
}

export class PsTable implements ProcessTable {
  read(): Promise<readonly ProcessFacts[]> {
    return new Promise((resolve, reject) => {
      const options = { timeout: patience, maxBuffer: 64 * 2 ** 20, windowsHide: true };
      execFile('ps', ['-A', '-o', 'pid=,ppid=,pgid=,rss=,time=,etime='], options, (error, text) => {
        if (error !== null) reject(error);
        else resolve(parseProcesses(text));
      });
    });
  }
}

/** Lines of `pid ppid pgid rss time etime`. */
export function parseProcesses(text: string): ProcessFacts[] {
  const facts: ProcessFacts[] = [];
  for (const line of text.split('\n')) {
    const [pid, parent, group, rss, time, age] = line.trim().split(/\s+/);
    if (age === undefined || time === undefined) continue;
    facts.push({
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      memory: Number(rss) * 1024,
      own: timeOf(time),
      waited: 0,
      age: timeOf(age),
    });
  }
  return facts;
}

/** `[[days-]hours:]minutes:seconds[.hundredths]` in ms. */
function timeOf(text: string): number {
  const [days, clock] = text.includes('-') ? (text.split('-') as [string, string]) : ['0', text];
  return clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) * 1000 + Number(days) * 86_400_000;
}

function none(cause: unknown): MillraceError {
  return new MillraceError('ERR_OPTION', 'monitor needs /proc or the command ps, and this machine has neither: leave it out here', {
    cause,
    details: { option: 'monitor' },
  });
}
