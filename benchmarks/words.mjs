/** What a benchmark is told on its command line: names, and options that are known. */
import { didYouMean } from '../dist/base/nearest.js';

/** `known`: options, those that take a value with their `=`. `wrong`: what is said of those that are not known, or lack or have a value wrongly. */
export function readWords(words, known) {
  const options = words.filter((word) => word.startsWith('-'));
  const wrong = [];
  for (const option of options) {
    const name = option.includes('=') ? option.slice(0, option.indexOf('=') + 1) : option;
    if (!known.includes(name)) wrong.push(`there is no option '${option}'.${didYouMean(name, known)}`);
    else if (option.endsWith('=')) wrong.push(`${option} needs a value`);
  }
  return { names: words.filter((word) => !word.startsWith('-')), options, wrong };
}
