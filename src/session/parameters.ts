/**
 * The names of a function's parameters, read from its text, so that a program can say by name what is to become of an argument. What is written in a way that is not
 * understood has no names: such a function's arguments go by their places.
 */

/** Of each parameter: its name; the names of the properties that it takes apart; or neither. `rest`: it stands for all that follow. */
export interface Parameter {
  readonly name: string | null;
  readonly properties: readonly string[];
  readonly rest: boolean;
}

const word = '[\\p{ID_Start}$_][\\p{ID_Continue}$]*';
const generic = '(?:<[^(]*?>)?';
const declared = new RegExp(`^(?:async\\s+)?function\\s*\\*?\\s*(?:${word})?\\s*${generic}\\s*\\(`, 'u');
const arrow = new RegExp(`^(?:async\\s*)?${generic}\\s*\\(`, 'u');
const bare = new RegExp(`^(?:async\\s+)?(${word})\\s*=>`, 'u');
const leading = new RegExp(`^(\\.\\.\\.)?\\s*(${word})`, 'u');
const property = new RegExp(`^(${word})`, 'u');

/** Of a function's own text; null: it cannot be read. */
export function parametersOf(text: string): Parameter[] | null {
  const single = bare.exec(text);
  if (single !== null) return [{ name: single[1]!, properties: [], rest: false }];
  const start = declared.exec(text) ?? arrow.exec(text);
  return start === null ? null : (partsOf(text, start[0].length)?.map(parameterOf) ?? null);
}

/** Of what a module exports under this name; null: that is not made in this module, or cannot be read. */
export function exportedParameters(source: string, name: string): Parameter[] | null {
  const escaped = name.replaceAll('$', '\\$');
  const starts =
    name === 'default'
      ? [/\bexport\s+default\s+/u]
      : [
          new RegExp(`(?:^|[\\s;}])(?=(?:async\\s+)?function\\s*\\*?\\s*${escaped}\\s*[<(])`, 'u'),
          new RegExp(`(?:^|[\\s;}])(?:const|let|var)\\s+${escaped}\\s*(?::[^=]*)?=\\s*`, 'u'),
        ];
  for (const start of starts) {
    const found = start.exec(source);
    if (found !== null) return parametersOf(source.slice(found.index + found[0].length));
  }
  return null;
}

function parameterOf(part: string): Parameter {
  const text = part.replace(/^(?:\s|\/\*[\s\S]*?\*\/|\/\/[^\n]*)+/u, '');
  const named = leading.exec(text);
  if (named !== null) return { name: named[2]!, properties: [], rest: named[1] !== undefined };
  const properties = text.startsWith('{') ? (partsOf(text, 1) ?? []) : [];
  const names = properties.map((one) => property.exec(one.trim())?.[1]).filter((one) => one !== undefined);
  return { name: null, properties: names, rest: false };
}

/** What stands between commas, from behind a bracket to the one that closes it; null: it is not closed. Types may stand behind a colon. */
function partsOf(text: string, from: number): string[] | null {
  const parts: string[] = [];
  let [begin, depth, angles, typed] = [from, 0, 0, false];
  for (let at = from; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === '"' || letter === "'" || letter === '`') at = behindText(text, at);
    else if (letter === '/' && (text[at + 1] === '*' || text[at + 1] === '/')) at = behindComment(text, at);
    else if ('([{'.includes(letter)) depth++;
    else if (')]}'.includes(letter)) {
      if (depth-- > 0) continue;
      const last = text.slice(begin, at);
      if (last.trim() !== '') parts.push(last);
      return parts;
    } else if (depth > 0) continue;
    else if (letter === ':') typed = true;
    else if (typed && letter === '<') angles++;
    else if (typed && letter === '>' && text[at - 1] !== '=') angles--;
    else if (letter === '=' && text[at + 1] !== '>') typed = false;
    else if (letter === ',' && angles <= 0) {
      parts.push(text.slice(begin, at));
      [begin, angles, typed] = [at + 1, 0, false];
    }
  }
  return null;
}

function behindText(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === text[from]) return at;
  }
  return text.length;
}

function behindComment(text: string, from: number): number {
  const end = text[from + 1] === '*' ? text.indexOf('*/', from + 2) + 1 : text.indexOf('\n', from);
  return end <= 0 ? text.length : end;
}
