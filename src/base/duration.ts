/**
 * The boundary between durations as people write them and milliseconds, which everything inside counts in.
 *
 * A number, or a text without a unit, is seconds; texts carry `ms s m h d`. Nothing is guessed: what is not a duration
 * throws and says what would be one.
 */
import { MillraceError } from './errors.ts';

const pattern = /^\s*(-?)(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h|d)?\s*$/;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export interface DurationRules {
  /** Accept negative durations (a random delay of up to that long). Default false. */
  readonly negative?: boolean;
}

/**
 * Whole milliseconds of a duration; anything longer than nothing is at least 1.
 *
 * @param value Seconds as a number, or `'250ms' '10s' '5m' '2h' '1d'` (decimals allowed; no unit = seconds).
 * @param name What the message calls it, for instance `evictAfter`.
 * @throws ERR_DURATION
 */
export function parseDuration(value: number | string, name: string, rules: DurationRules = {}): number {
  const ms = typeof value === 'number' ? value * 1_000 : typeof value === 'string' ? textToMs(value) : Number.NaN;
  const whole = ms > 0 && ms < 1 ? 1 : ms < 0 && ms > -1 ? -1 : Math.round(ms);
  if (!Number.isSafeInteger(whole)) throw refused(value, name, '');
  if (whole < 0 && !rules.negative) throw refused(value, name, ' that is not negative');
  return whole === 0 ? 0 : whole;
}

function textToMs(text: string): number {
  const match = pattern.exec(text);
  if (match === null) return Number.NaN;
  const ms = Number(match[2]) * unitMs[match[3] ?? 's']!;
  return match[1] === '-' ? -ms : ms;
}

function refused(value: unknown, name: string, which: string): MillraceError {
  const given = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new MillraceError(
    'ERR_DURATION',
    `${name} must be a duration${which}: seconds as a number, or a text such as '250ms', '10s', '5m', '2h' or '1d'; it is ${given}`,
    { details: { name } },
  );
}
