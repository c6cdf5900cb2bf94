/**
 * The boundary between regular expressions as people write them into conditions and those that a server runs over millions of texts.
 *
 * A backtracking engine can need longer than the age of the universe for `(a+)+$`, in the server's thread. What can blow up is refused before it runs: a
 * repetition inside of a repetition, a repeated choice whose branches may begin alike, references back. What is left is at worst polynomial in the text: only its
 * first `longestMatched` characters are looked at, and where even that could take long the engine runs under a time limit (0.3 ms more a text).
 */
import { createContext, Script } from 'node:vm';
import { systemClock } from '../base/clock.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';

/** Characters of a text that a pattern sees, and of a pattern. */
export const longestMatched: number = 4_096;
const longestPattern = 1_000;

/** Repeating at most so often is a constant. */
const boundedRepeat = 16;

/** Steps that need no time limit: some ms. */
const harmlessSteps = 2_000_000;

/** One text may take so long (ms); texts that take longer than `slow`, all of a pattern together, so long. */
const longestTest = 250;
const slow = 5;
const longestSlow = 1_000;

/** A pattern that may run. `index`: where in the pattern the trouble is, from 0. */
export interface PatternFault {
  readonly index: number;
  readonly reason: string;
}

/** What is wrong with this pattern; null: it may run. */
export function patternFault(source: string): PatternFault | null {
  if (source.length > longestPattern) return { index: longestPattern, reason: `it is longer than ${longestPattern} characters` };
  try {
    new RegExp(source);
  } catch (error) {
    const text = reasonOf(error);
    return { index: 0, reason: text.slice(text.lastIndexOf(': ') + 2) || text };
  }
  return hazardOf(source);
}

/**
 * Whether a pattern is found in a text, or rather in its first 4,096 characters.
 * @throws ERR_QUERY for a pattern that is refused; what is returned throws it for one that takes too long
 */
export function patternTest(source: string): (text: string) => boolean {
  const fault = patternFault(source);
  if (fault !== null) throw new MillraceError('ERR_QUERY', `the regular expression ${JSON.stringify(source)} is refused: ${fault.reason}`);
  const pattern = new RegExp(source);
  const harmless = harmlessLength(source);
  let guarded: ((text: string) => boolean) | null = null;
  return (text) => {
    if (text.length <= harmless) return pattern.test(text);
    if (harmless === longestMatched) return pattern.test(text.slice(0, longestMatched));
    guarded ??= guardedTest(pattern);
    return guarded(text.slice(0, longestMatched));
  };
}

/** How long a text may be for which the pattern needs no time limit: k repetitions, unanchored, take about length^(k + 1) / (k + 1)! steps. */
function harmlessLength(source: string): number {
  const repetitions = source.match(/[*+]|,\}|\{\d{2,}|,\d{2,}\}/g)?.length ?? 0;
  if (repetitions === 0) return longestMatched;
  let factorial = 1;
  for (let i = 2; i <= repetitions + 1; i++) factorial *= i;
  return Math.min(longestMatched, Math.floor((harmlessSteps * factorial) ** (1 / (repetitions + 1))));
}

/** The engine looks at the clock while it backtracks, if it runs under `vm`. */
function guardedTest(pattern: RegExp): (text: string) => boolean {
  const context = createContext({ pattern, text: '' });
  const script = new Script('pattern.test(text)');
  let spent = 0;
  const tooLong = (): MillraceError =>
    new MillraceError(
      'ERR_QUERY',
      `the regular expression ${JSON.stringify(pattern.source)} takes too long: anchor it with ^, or use fewer of * and + in it`,
    );
  return (text) => {
    context.text = text;
    const begin = systemClock.now();
    let found: boolean;
    try {
      found = script.runInContext(context, { timeout: longestTest }) as boolean;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw tooLong();
      throw error;
    }
    const took = systemClock.now() - begin;
    if (took > slow) spent += took;
    if (spent > longestSlow) throw tooLong();
    return found;
  };
}

interface Group {
  readonly start: number;
  /** Something in it repeats without a small bound. */
  repeats: boolean;
  /** How each of its branches begins: a literal character, or null where that is not plain. */
  readonly branches: (string | null)[];
  /** The current branch has begun. */
  begun: boolean;
}

function openGroup(start: number): Group {
  return { start, repeats: false, branches: [], begun: false };
}

/** One pass over a pattern that is known to be well-formed. */
function hazardOf(source: string): PatternFault | null {
  const groups: Group[] = [openGroup(0)];
  let i = 0;
  const begin = (literal: string | null): void => {
    const group = groups[groups.length - 1]!;
    if (!group.begun) group.branches.push(literal);
    group.begun = true;
  };
  while (i < source.length) {
    const start = i;
    let closed: Group | null = null;
    const character = source[i]!;
    if (character === '\\') {
      const next = source[i + 1] ?? '';
      if (/[1-9k]/.test(next))
        return { index: start, reason: 'a reference back to a group can take for ever; write out what it stands for' };
      begin(/[a-zA-Z0-9]/.test(next) ? null : next);
      i += 2;
    } else if (character === '[') {
      i = endOfClass(source, i);
      begin(null);
    } else if (character === '(') {
      begin(null);
      groups.push(openGroup(start));
      i += /^\((\?(:|=|!|<=|<!|<[^>]*>))?/.exec(source.slice(i))![0].length;
      continue;
    } else if (character === ')') {
      closed = groups.pop()!;
      if (!closed.begun) closed.branches.push(null);
      i++;
    } else if (character === '|') {
      const group = groups[groups.length - 1]!;
      if (!group.begun) group.branches.push(null);
      group.begun = false;
      i++;
      continue;
    } else {
      begin(/[.^$]/.test(character) ? null : character);
      i++;
    }
    const quantifier = /^(?:[*+]|\{(\d+)(,(\d*))?\})\??/.exec(source.slice(i));
    const group = groups[groups.length - 1]!;
    if (quantifier === null) {
      if (source[i] === '?') i += source[i + 1] === '?' ? 2 : 1;
      if (closed?.repeats) group.repeats = true;
      continue;
    }
    const at = i;
    i += quantifier[0].length;
    const [, least, range, most] = quantifier;
    const endless = least === undefined || (range !== undefined && most === '');
    const times = endless ? Number.POSITIVE_INFINITY : Number(most ?? least);
    if (closed?.repeats && times > 1)
      return { index: at, reason: `'${quantifier[0]}' repeats a group that repeats something itself, which can take for ever` };
    if (closed !== null && times > boundedRepeat && !distinct(closed.branches))
      return { index: at, reason: `'${quantifier[0]}' repeats a choice whose branches may begin alike, which can take for ever` };
    if (times > boundedRepeat || closed?.repeats) group.repeats = true;
  }
  return null;
}

function distinct(branches: readonly (string | null)[]): boolean {
  return branches.length === 1 || (!branches.includes(null) && new Set(branches).size === branches.length);
}

function endOfClass(source: string, from: number): number {
  let i = from + 1;
  while (i < source.length && source[i] !== ']') i += source[i] === '\\' ? 2 : 1;
  return i + 1;
}
