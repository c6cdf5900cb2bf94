/**
 * Finds where a shell would see a comment: outside quotes, expansions and backquotes, at the start of a word.
 *
 * It knows just enough of the shell's syntax to be sure of a "yes". Where it cannot be sure (an open quote, the body of a
 * here-document) there is no comment for it: a directive that is overlooked is a harmless comment to the shell, but text
 * that is wrongly taken for one would change a command.
 */

/** A comment: it begins at `start` (its `#`) and ends before `end`; the last word before it ends at `wordEnd`. */
export interface ShellComment {
  readonly start: number;
  readonly end: number;
  readonly wordEnd: number;
}

/** Characters that mean nothing anywhere. */
const plain = /[\w./:=,@%+^~-]+/y;

/** The comments of a command, in order. */
export function shellComments(text: string): ShellComment[] {
  const found: ShellComment[] = [];
  // What is open, innermost last: `"`, `` ` ``, `{` of ${…}, `(` of $(…), or `p`, a plain parenthesis inside of $(…).
  const open: string[] = [];
  let wordEnd = 0; // behind the last character that is no blank
  let atWordStart = true;
  let hereDocument = false;
  let i = 0;
  while (i < text.length) {
    const inside = open.at(-1);
    plain.lastIndex = i;
    if (plain.test(text)) {
      i = plain.lastIndex;
      wordEnd = i;
      atWordStart = false;
      continue;
    }
    const here = text[i]!;
    if (here === '\\') {
      i += 2;
      wordEnd = Math.min(i, text.length);
      atWordStart = false;
      continue;
    }
    if (inside === '"' || inside === '{') {
      if (here === (inside === '"' ? '"' : '}')) open.pop();
      else if (here === '"') open.push('"');
      else if (here === "'" && inside === '{' && !open.includes('"')) i = closingQuote(text, i + 1);
      else if (here === '`') open.push('`');
      else if (here === '$') i += opened(text, i, open);
      i += 1;
      wordEnd = Math.min(i, text.length);
      atWordStart = false;
      continue;
    }
    if (here === ' ' || here === '\t') {
      i += 1;
      atWordStart = true;
      continue;
    }
    if (here === '#' && atWordStart) {
      // Inside backquotes a comment would end at the closing one.
      const newline = text.indexOf('\n', i);
      const lineEnd = newline === -1 ? text.length : newline;
      const quote = open.includes('`') ? text.indexOf('`', i) : -1;
      const end = quote === -1 ? lineEnd : Math.min(lineEnd, quote);
      if (open.length === 0) found.push({ start: i, end, wordEnd });
      i = end;
      continue;
    }
    atWordStart = false;
    if (here === '\n') {
      if (hereDocument) return found;
      atWordStart = true;
    } else if (here === '`') {
      if (inside === '`') open.pop();
      else open.push('`');
    } else if (here === "'") i = closingQuote(text, i + 1);
    else if (here === '"') open.push('"');
    else if (here === '$') i += opened(text, i, open);
    else if (here === '(') {
      if (open.length > 0) open.push('p');
      atWordStart = true;
    } else if (here === ')') {
      if (inside === '(' || inside === 'p') open.pop();
      atWordStart = true;
    } else if (here === ';' || here === '&' || here === '|') atWordStart = true;
    else if (here === '<' && text[i + 1] === '<') {
      if (text[i + 2] === '<') i += 2;
      else {
        hereDocument = true;
        i += 1;
      }
    }
    i += 1;
    wordEnd = Math.min(i, text.length);
  }
  return found;
}

/** Where the single quote closes; behind the end when it never does. */
function closingQuote(text: string, from: number): number {
  const end = text.indexOf("'", from);
  return end === -1 ? text.length : end;
}

/** At a `$`: notes what it opens, and says how many characters to skip behind it. */
function opened(text: string, dollar: number, open: string[]): number {
  const next = text[dollar + 1];
  const quoted = open.at(-1) === '"';
  if (next === '(' || next === '{') {
    open.push(next);
    return 1;
  }
  if (next === '#' || next === '$') return 1;
  if (next !== "'" || quoted) return 0;
  // $'…': a backslash escapes the quote.
  let i = dollar + 2;
  while (i < text.length && text[i] !== "'") i += text[i] === '\\' ? 2 : 1;
  return Math.min(i, text.length) - dollar;
}
