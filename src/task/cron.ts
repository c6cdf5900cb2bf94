/**
 * When a repeated task runs: cron lines of five fields, or of six with seconds, in a time zone. Pure: the time from which one counts is a
 * parameter. croner reads them: no dependencies, typed, and it knows the days on which clocks are put forward or back.
 */
import { Cron } from 'croner';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { outcomeCode } from './result.ts';

/**
 * The line itself.
 * @throws ERR_CRON for one that is malformed, or never matches
 */
export function checkCron(line: string): string {
  let next: Date | null;
  try {
    next = new Cron(line, { paused: true, timezone: 'UTC' }).nextRun(new Date(0));
  } catch (cause) {
    throw new MillraceError(
      'ERR_CRON',
      `cron must be a line such as '*/5 * * * *' (minute, hour, day, month, weekday; seconds may stand before them); it is ${JSON.stringify(line.slice(0, 100))}: ${reasonOf(cause)}`,
      { cause },
    );
  }
  if (next === null) throw new MillraceError('ERR_CRON', `the cron line ${JSON.stringify(line.slice(0, 100))} never matches`);
  return line;
}

/** @throws ERR_CRON for what is no IANA time zone */
export function checkTimezone(name: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch (cause) {
    throw new MillraceError('ERR_CRON', `timezone must be a name such as 'Europe/Berlin'; it is ${JSON.stringify(name.slice(0, 100))}`, {
      cause,
    });
  }
}

/** The first match after `from` (epoch ms); null: there is none any more. */
export function nextRun(line: string, timezone: string | undefined, from: number): number | null {
  const next = new Cron(line, { paused: true, ...(timezone === undefined ? {} : { timezone }) }).nextRun(new Date(from));
  return next?.getTime() ?? null;
}

/** Whether a task that ends so has no successor: the series was ended on purpose, or never began. */
export function endsSeries(outcome: number): boolean {
  return outcome === outcomeCode.cancelled || outcome === outcomeCode.rejected;
}
