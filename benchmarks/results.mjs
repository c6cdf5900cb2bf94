/** The figures of the latest full runs, JSON lines in `results.jsonl`: a run replaces what it measured anew, and leaves the rest. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const file = new URL('./results.jsonl', import.meta.url);

export function results() {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** `all` with what `lines` replace: the same case of the same benchmark, or what a benchmark says of no case. */
export function merged(all, lines) {
  const key = ({ benchmark, case: name }) => `${benchmark}\n${name ?? ''}`;
  const anew = new Map(lines.map((line) => [key(line), []]));
  for (const line of lines) anew.get(key(line)).push(line);
  // In the place of what they replace, so that tables keep their order.
  const kept = all.flatMap((line) => {
    const replacing = anew.get(key(line));
    if (replacing === undefined) return [line];
    anew.set(key(line), []);
    return replacing;
  });
  return [...kept, ...lines.filter((line) => anew.get(key(line)).length > 0)];
}

export function keep(lines) {
  const all = merged(results(), lines);
  writeFileSync(file, all.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
