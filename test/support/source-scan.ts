/**
 * A small scanner of TypeScript text for rules about the source: it blanks comments and the insides of strings (so that a rule never
 * fires on prose), and finds what a file imports, with no compiler at hand.
 *
 * Known limit: whether a slash begins a regular expression is guessed from what stands before it.
 */

export interface Import {
  readonly specifier: string;
  /** `import type …` or `export type … from`: erased when built. */
  readonly typeOnly: boolean;
  /** `import(…)`: loaded when it is asked for. */
  readonly late: boolean;
  /** 1-based. */
  readonly line: number;
}

export interface Scan {
  /** The text with comments, and what stands between quotes, as blanks; same length, same lines. */
  readonly code: string;
  /** The comments alone. */
  readonly comments: readonly string[];
  readonly imports: readonly Import[];
}

const beforeRegex = /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|throw|await|yield|void|delete))\s*$/;

function skipString(text: string, start: number): number {
  const quote = text[start];
  let at = start + 1;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function skipRegex(text: string, start: number): number {
  let inClass = false;
  let at = start + 1;
  for (; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) break;
  }
  return at;
}

/** Blanks comments and string contents. Template literals: their text is blanked, the expressions inside are kept. */
function blank(text: string): { code: string; comments: string[] } {
  const out: string[] = [];
  const comments: string[] = [];
  const kept = (from: number, to: number): void => void out.push(text.slice(from, to));
  const blanked = (from: number, to: number): void => void out.push(text.slice(from, to).replace(/[^\n]/g, ' '));
  // For each open `${`: the depth of braces inside it.
  const templates: number[] = [];
  let at = 0;
  const template = (from: number): number => {
    let end = from;
    while (end < text.length && text[end] !== '`' && !(text[end] === '$' && text[end + 1] === '{')) end += text[end] === '\\' ? 2 : 1;
    blanked(from, Math.min(end, text.length));
    if (text[end] === '$') {
      templates.push(0);
      kept(end, end + 2);
      return end + 2;
    }
    kept(end, end + 1);
    return end + 1;
  };
  let recent = '';
  while (at < text.length) {
    const character = text[at] as string;
    const start = at;
    if (text.startsWith('//', at)) {
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end;
      comments.push(text.slice(start, at));
      blanked(start, at);
      continue;
    }
    if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at + 2);
      at = end === -1 ? text.length : end + 2;
      comments.push(text.slice(start, at));
      blanked(start, at);
      continue;
    }
    if (character === '"' || character === "'" || (character === '/' && beforeRegex.test(recent))) {
      const end = character === '/' ? skipRegex(text, at) : skipString(text, at);
      kept(start, start + 1);
      blanked(start + 1, Math.min(end, text.length));
      kept(end, end + 1);
      at = end + 1;
      recent = 'x';
      continue;
    }
    if (character === '`') {
      kept(at, at + 1);
      at = template(at + 1);
      recent = templates.length > 0 ? '(' : 'x';
      continue;
    }
    const depth = templates.at(-1);
    if (depth !== undefined && character === '}' && depth === 0) {
      templates.pop();
      kept(at, at + 1);
      at = template(at + 1);
      recent = text[at - 1] === '{' ? '(' : 'x';
      continue;
    }
    if (depth !== undefined && character === '{') templates[templates.length - 1] = depth + 1;
    if (depth !== undefined && character === '}') templates[templates.length - 1] = depth - 1;
    kept(at, at + 1);
    recent = (recent + character).slice(-16);
    at++;
  }
  return { code: out.join(''), comments };
}

// `from` only without a parenthesis: `Buffer.from('…')` imports nothing.
const importForms = /(?:\bfrom\s*|\b(?:import|require|getBuiltinModule)\s*(?:\(\s*)?)(['"`])/g;
const typeOnlyForm = /(?:^|[;\n])\s*(?:import|export)\s+type\b[^;]*$/;

/** The 1-based line of a place in a text. */
export function lineAt(text: string, place: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < place; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** What a file says, without its prose, and what it imports: statically, dynamically, or only as a type. */
export function scan(text: string): Scan {
  const { code, comments } = blank(text);
  const imports: Import[] = [];
  for (const match of code.matchAll(importForms)) {
    const open = match.index + match[0].length;
    const close = code.indexOf(match[1] as string, open);
    if (close === -1) continue;
    // From the last statement's end: enough for `import type { … } from` over several lines.
    const statement = code.slice(Math.max(code.lastIndexOf(';', match.index), 0), match.index);
    imports.push({
      specifier: text.slice(open, close),
      typeOnly: typeOnlyForm.test(statement),
      late: match[0].includes('('),
      line: lineAt(text, match.index),
    });
  }
  return { code, comments, imports };
}
