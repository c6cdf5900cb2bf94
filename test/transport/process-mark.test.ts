import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isOfTheDead, ownMark } from '../../src/transport/process-mark.ts';

/** This process's mark with something else in one place. */
function changed(at: number, value: string): string {
  const parts = ownMark().split(' ');
  parts[at] = value;
  return parts.join(' ');
}

const machine = 1;
const container = 2;
const pid = 3;
const start = 4;

describe('the mark of a process', () => {
  it('is one line, and not of the dead while the process lives', () => {
    expect(ownMark()).toMatch(/^\S+ \S+ pid:\[\d+\] \d+ \d+$/);
    expect(isOfTheDead(ownMark())).toBe(false);
  });

  it('is of the dead when the process has ended', async () => {
    const child = spawn('/bin/sh', ['-c', 'read _'], { stdio: ['pipe', 'ignore', 'ignore'] });
    const { readFileSync } = await import('node:fs');
    const began = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')[19]!;
    const mark = changed(pid, String(child.pid)).replace(/\d+$/, began);
    expect(isOfTheDead(mark)).toBe(false);
    child.stdin.end();
    await once(child, 'close');
    expect(isOfTheDead(mark)).toBe(true);
  });

  it('is of the dead when another process has its number', () => {
    expect(isOfTheDead(changed(start, '1'))).toBe(true);
  });

  it('of another machine, another run of it or another container says nothing', () => {
    expect(isOfTheDead(changed(0, 'elsewhere').replace(/\d+$/, '1'))).toBe(false);
    expect(isOfTheDead(changed(machine, 'other-boot').replace(/\d+$/, '1'))).toBe(false);
    expect(isOfTheDead(changed(container, 'pid:[1]').replace(/\d+$/, '1'))).toBe(false);
    for (const nonsense of ['', ' ', 'x', '1 2', `${ownMark()} more`]) expect(isOfTheDead(nonsense)).toBe(false);
  });
});
