/** A command line as its words, by the quoting of a POSIX shell; nothing is expanded. */
import { RainException } from './exceptions.ts';

/** @throws RainException for a quote that is not closed */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: '"' | "'" | null = null;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (quote === "'") {
      if (char === "'") quote = null;
      else word += char;
    } else if (char === '\\') {
      const next = line[++at];
      if (next === undefined) throw new RainException('the command line ends with a backslash');
      // Inside double quotes it stands for itself before most characters.
      word = (word ?? '') + (quote === '"' && !/["\\$`\n]/.test(next) ? `\\${next}` : next === '\n' ? '' : next);
    } else if (quote === '"') {
      if (char === '"') quote = null;
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== null) throw new RainException(`a ${quote} of the command line is not closed`);
  if (word !== null) words.push(word);
  return words;
}
