/** A file that lines are appended to: what it keeps of an earlier run, in which order and when it is written, and what becomes of an error. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { AppendFile } from '../../src/output/append-file.ts';
import { breakingPipe } from '../support/broken-pipe.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const never = (error: Error): void => {
  throw error;
};

describe('a file that lines are appended to', () => {
  it('begins with its header, holds the lines in order, and is for this user only', async () => {
    const path = join(temporaryFolder(), 'log');
    const file = await AppendFile.open(path, { clock: systemClock, header: 'head\n', keep: false, failed: never });
    for (let i = 0; i < 20_000; i++) file.write(`line ${i}\n`);
    await file.close();
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`);
    expect(readFileSync(path, 'utf8')).toBe(`head\n${lines.join('')}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is written while it is open, without more lines coming', async () => {
    const path = join(temporaryFolder(), 'log');
    const file = await AppendFile.open(path, { clock: systemClock, header: '', keep: false, failed: never });
    file.write('first\n');
    await until(() => readFileSync(path, 'utf8') === 'first\n');
    await file.close();
  });

  it('that is kept loses a last line that was cut off, and gets no second header', async () => {
    const path = join(temporaryFolder(), 'log');
    writeFileSync(path, `head\n${'x'.repeat(70_000)}\ncut o`);
    const file = await AppendFile.open(path, { clock: systemClock, header: 'head\n', keep: true, failed: never });
    file.write('next\n');
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe(`head\n${'x'.repeat(70_000)}\nnext\n`);
  });

  it('that is kept and has no whole line begins anew', async () => {
    const path = join(temporaryFolder(), 'log');
    writeFileSync(path, 'y'.repeat(140_000));
    const file = await AppendFile.open(path, { clock: systemClock, header: 'head\n', keep: true, failed: never });
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('head\n');
  });

  it('tells its first error once, and again when it is closed', async () => {
    const failures: Error[] = [];
    const { path, breakOff } = breakingPipe();
    const file = await AppendFile.open(path, {
      clock: systemClock,
      header: 'head\n',
      keep: false,
      failed: (error) => failures.push(error),
    });
    breakOff();
    file.write('z'.repeat(100_000));
    await until(() => failures.length > 0);
    file.write('z'.repeat(100_000));
    await expect(file.close()).rejects.toMatchObject({ code: 'EPIPE' });
    expect(failures).toMatchObject([{ code: 'EPIPE' }]);
  });
});
