/**
 * Who made a file in a folder that processes of one user share, so that what a killed process left there can be told from what a living one uses.
 * Where that cannot be known for sure (no `/proc`, another machine, another container, before a restart of the machine) nobody is taken for dead.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostName } from '../base/ids.ts';

/** When a process began, in ticks since the machine did; null: there is no such process, or only its zombie. */
function startOf(pid: number | 'self'): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // After the name, which may hold anything: state is field 3, the start field 22.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** What process numbers mean only within: machine, its last start, its container. Null: not known here. */
function place(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return `${encodeURIComponent(hostName())} ${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

/** One line that names this process; empty where processes cannot be told apart. */
export function ownMark(): string {
  const where = place();
  const start = startOf('self');
  return where === null || start === null ? '' : `${where} ${process.pid} ${start}`;
}

/** Whether this mark is of a process of this machine that surely lives no more. */
export function isOfTheDead(mark: string): boolean {
  const match = /^(.+) (\d+) (\d+)$/.exec(mark);
  if (match === null || match[1] !== place()) return false;
  return startOf(Number(match[2])) !== match[3];
}
