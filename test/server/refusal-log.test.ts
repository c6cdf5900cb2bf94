import { expect, test } from 'vitest';
import { MillraceError } from '../../src/base/errors.ts';
import { RefusalLog } from '../../src/server/refusal-log.ts';
import { ManualClock } from '../transport/manual-clock.ts';

test('whoever knocks a thousand times a second cannot fill the log, and none of it is forgotten', () => {
  const clock = new ManualClock();
  const lines: unknown[] = [];
  const log = (details: unknown): void => void lines.push(details);
  const refusals = new RefusalLog({ debug: log, info: log, warn: log, error: log }, clock);
  const error = new MillraceError('ERR_AUTH', 'wrong');
  for (let i = 0; i < 20_000; i++) {
    clock.advance(1);
    refusals.refused(error, { host: '192.0.2.1', port: i });
  }
  expect(lines.length).toBeLessThan(50);
  const counted = lines.map((line) => ('refused' in (line as object) ? (line as { refused: number }).refused : 1));
  clock.advance(20_000);
  refusals.refused(error, null);
  expect(lines.length).toBeLessThan(60);
  expect(counted.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(9_000);
});
