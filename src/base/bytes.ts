/**
 * The boundary between sizes as people write them and bytes, which everything inside counts in.
 *
 * All units are 1024-based and case-insensitive: `8G`, `8GB` and `8GiB` are the same size. A text that is no size throws;
 * a unit is never cut off (`8G` must not become 8).
 */
import { MillraceError } from './errors.ts';

const pattern = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(?:b|([kmgtp])(?:i?b)?)?\s*$/i;

const exponents = 'kmgtp';

/**
 * Whole bytes of a size.
 *
 * @param value Bytes as a whole number, or `'512MB' '8G' '8GiB' '8k' '100B'` (decimals allowed before a unit above bytes; rounded).
 * @param name What the message calls it, for instance `memory`.
 * @throws ERR_SIZE
 */
export function parseSize(value: number | string, name: string): number {
  const bytes = typeof value === 'number' ? value : typeof value === 'string' ? textToBytes(value) : Number.NaN;
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  const given = typeof value === 'string' ? JSON.stringify(value) : String(value);
  throw new MillraceError(
    'ERR_SIZE',
    `${name} must be a size: whole bytes as a number, or a text such as '512MB', '8G' or '8GiB' (1024-based); it is ${given}`,
    { details: { name } },
  );
}

function textToBytes(text: string): number {
  const match = pattern.exec(text);
  if (match === null) return Number.NaN;
  const amount = Number(match[1]);
  const unit = match[2];
  return unit === undefined ? amount : Math.round(amount * 1024 ** (exponents.indexOf(unit.toLowerCase()) + 1));
}
