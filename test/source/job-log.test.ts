import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { formatJobLogLine, type JobLogEntry, jobLogHeader, readJobLog, signalNumber } from '../../src/source/job-log.ts';
import { temporaryFolder } from '../support/temporary.ts';

const entry: JobLogEntry = {
  place: 3,
  host: 'node-7',
  startedAt: 1_700_000_000_123,
  durationMs: 1_234.56,
  received: 17,
  exitValue: 2,
  signal: 0,
  command: 'echo "a\tb"\necho c',
};

async function read(text: string | Buffer): Promise<JobLogEntry[]> {
  const path = join(temporaryFolder(), 'joblog');
  writeFileSync(path, text);
  const entries: JobLogEntry[] = [];
  for await (const one of readJobLog(path)) entries.push(one);
  return entries;
}

it('a line is as GNU parallel writes it: nine columns, a padded runtime, line breaks of the command as NUL', () => {
  expect(formatJobLogLine(entry)).toBe('3\tnode-7\t1700000000.123\t     1.235\t0\t17\t2\t0\techo "a\tb"\0echo c\n');
  expect(formatJobLogLine({ ...entry, host: ' ' })).toMatch(/^3\t:\t/);
});

it('what is written is read back', async () => {
  const other = { ...entry, place: 4, signal: 9, exitValue: 0, command: 'größer 🙂' };
  expect(await read(jobLogHeader + formatJobLogLine(entry) + formatJobLogLine(other))).toEqual([
    { ...entry, durationMs: 1_235 },
    { ...other, durationMs: 1_235 },
  ]);
});

it('a last line that was cut off while it was written is passed over, wherever it was cut', async () => {
  const whole = jobLogHeader + formatJobLogLine(entry);
  const last = Buffer.from(formatJobLogLine({ ...entry, place: 4, command: 'é' }));
  for (let length = 0; length < last.length; length++)
    expect(await read(Buffer.concat([Buffer.from(whole), last.subarray(0, length)]))).toHaveLength(1);
  for (let length = 0; length < jobLogHeader.length; length++) expect(await read(jobLogHeader.slice(0, length))).toEqual([]);
});

it('a malformed line is refused with its number', async () => {
  const line = formatJobLogLine(entry);
  const wrong: [text: string, number: number, message: RegExp][] = [
    ['hello\n', 1, /first line must be/],
    [line, 1, /first line must be/],
    [`${jobLogHeader}${line}3\thost\n`, 3, /9 columns/],
    [`${jobLogHeader}${line.replaceAll('\t', ' ')}`, 2, /9 columns/],
    [`${jobLogHeader}\n${line}`, 2, /9 columns/],
    [`${jobLogHeader}x${line}`, 2, /9 columns/],
  ];
  for (const [text, number, message] of wrong)
    await expect(read(text)).rejects.toMatchObject({
      code: 'ERR_JOB_LOG',
      message: expect.stringMatching(new RegExp(`line ${number}: .*${message.source}`)),
      details: { line: number },
    });
});

it('a log that is not there has no entries, one that cannot be read is refused', async () => {
  const folder = temporaryFolder();
  const all = async (path: string): Promise<number> => {
    let count = 0;
    for await (const _ of readJobLog(path)) count++;
    return count;
  };
  expect(await all(join(folder, 'nothing'))).toBe(0);
  await expect(all(folder)).rejects.toMatchObject({ code: 'ERR_JOB_LOG' });
});

it('a long log is read piece by piece', async () => {
  const lines = Array.from({ length: 5_000 }, (_, i) => formatJobLogLine({ ...entry, place: i + 1 }));
  const entries = await read(jobLogHeader + lines.join(''));
  expect(entries.map(({ place }) => place)).toEqual(lines.map((_, i) => i + 1));
});

it('signals have the numbers of the system', () => {
  expect([
    signalNumber('SIGKILL'),
    signalNumber('SIGTERM'),
    signalNumber(null),
    signalNumber('SIGNONE'),
    signalNumber('constructor'),
  ]).toEqual([9, 15, 0, 0, 0]);
});
