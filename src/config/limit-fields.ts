/** The option `limits`: which tags limit how many tasks run at a time, or start in a time. */
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { isTagKey } from '../task/tags.ts';
import { coded } from './fields.ts';
import type { LimitConfig } from './server-options.ts';

const rateUnits: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function limit(): z.ZodType<LimitConfig> {
  return coded((value) => {
    const given = z.strictObject({ key: z.string(), concurrency: z.int().min(1).optional(), rate: z.string().optional() }).safeParse(value);
    const expected = "a limit such as { key: 'tenant', concurrency: 4, rate: '10/s' }";
    if (!given.success) {
      const unknown = given.error.issues.find(({ code }) => code === 'unrecognized_keys');
      const name = unknown?.code === 'unrecognized_keys' ? unknown.keys[0] : undefined;
      if (name !== undefined) throw new MillraceError('ERR_UNKNOWN_OPTION', `a limit has no '${name}'.${didYouMean(name, limitNames)}`);
      throw new MillraceError('ERR_OPTION', `limits must be ${expected}, or a list of such`);
    }
    const { key, concurrency = null, rate } = given.data;
    if (!isTagKey(key))
      throw new MillraceError('ERR_OPTION', `the key of a limit must be that of a tag; it is ${JSON.stringify(key.slice(0, 100))}`);
    if (concurrency === null && rate === undefined)
      throw new MillraceError('ERR_OPTION', `the limit on '${key}' limits nothing: give it concurrency, rate or both`);
    return { key, concurrency, rate: rate === undefined ? null : startRate(rate) };
  });
}

const limitNames: readonly string[] = ['key', 'concurrency', 'rate'];

function startRate(text: string): { starts: number; per: number } {
  const match = /^(\d+(?:\.\d+)?)\s*\/\s*([smhd])$/.exec(text.trim());
  const starts = Number(match?.[1]);
  if (match === null || !(starts > 0))
    throw new MillraceError(
      'ERR_OPTION',
      `the rate of a limit must be such as '10/s', '100/m' or '1000/h'; it is ${JSON.stringify(text.slice(0, 100))}`,
    );
  return { starts, per: rateUnits[match[2]!]! };
}

/** One limit or a list of them, each on a key of its own. */
export function limits(): z.ZodType<LimitConfig[]> {
  const one = limit();
  return z.unknown().transform((value, context): LimitConfig[] => {
    const list: LimitConfig[] = [];
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      const read = one.safeParse(item);
      if (read.success) list.push(read.data);
      else for (const issue of read.error.issues) context.issues.push({ ...issue, input: undefined });
    }
    const twice = list.find(({ key }, i) => list.findIndex((other) => other.key === key) !== i);
    if (twice !== undefined)
      context.issues.push({ code: 'custom', message: `limits with different keys: '${twice.key}' is there twice`, input: undefined });
    return list;
  });
}
