/**
 * The boundary to JavaScript inside of templates: `{= x.split('-')[0] =}`. Each is compiled once, when the template is read, and runs
 * in a context of its own that has nothing but the language, the line and four path helpers.
 *
 * Only texts cross, both ways: the line goes in as JSON and is parsed inside; what comes out was made a text inside, errors too. So no
 * object of this side is ever seen there, and no getter or proxy of that side is ever touched here. Everything in the context is
 * frozen: a line leaves nothing behind for the next one. `import` is refused as a word: its failure would be an error of this side, whose
 * constructors lead to the process. A run costs 90 µs, nearly all of it the watch over its time.
 */
import { type Context, constants, createContext, Script } from 'node:vm';
import { MillraceError, reasonOf } from '../base/errors.ts';
import type { Tags } from './task.ts';

/** What a template may draw on beside the line. */
export interface TemplateFields {
  readonly tags?: Tags | undefined;
  /** Named fields of a line of JSON; before tags of the same name. */
  readonly fields?: Tags | undefined;
  /** The slot's number; absent where none is known (submission). */
  readonly slot?: number | undefined;
}

/** Longest run of an expression, ms; by the clock, so it may be a busy machine that took them: it is too slow when it was so each of some times. */
const longestRun = 100;
const mostRuns = 3;

/** Longest text that an expression may give, in characters. */
const longestText = 1_048_576;

/** What every expression finds. `run` is called by each compiled expression; what the bootstrap returns takes the line. */
const bootstrap = `'use strict';
(() => {
  const { parse } = JSON, text = String, { isFinite } = Number, { freeze, getOwnPropertyNames, getOwnPropertyDescriptor, getPrototypeOf } = Object;
  let current = null;
  const trimmed = (path) => (path.length > 1 ? path.replace(/\\/+$/, '') || '/' : path);
  const basename = (path, suffix = '') => {
    const whole = trimmed(text(path));
    const name = whole === '/' ? '' : whole.slice(whole.lastIndexOf('/') + 1);
    return suffix !== '' && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  };
  const dirname = (path) => {
    const whole = trimmed(text(path));
    const slash = whole.lastIndexOf('/');
    return slash === -1 ? '.' : slash === 0 ? '/' : slash === 1 && whole[0] === '/' ? '//' : whole.slice(0, slash);
  };
  const extname = (path) => {
    const name = basename(path);
    const dot = name.lastIndexOf('.');
    return dot <= 0 || name === '..' ? '' : name.slice(dot);
  };
  const stem = (path) => basename(path, extname(path));
  const told = (thrown) => {
    try {
      return text(typeof thrown === 'object' && thrown !== null && 'message' in thrown ? thrown.message : thrown).slice(0, 500);
    } catch {
      return 'it threw something that is no text';
    }
  };
  const run = (expression) => {
    try {
      const value = expression();
      if (typeof value === 'string') return '=' + value;
      if (typeof value === 'boolean' || (typeof value === 'number' && isFinite(value))) return '=' + text(value);
      return '?' + (value === null ? 'null' : typeof value === 'number' ? text(value) : typeof value === 'object' ? 'an object' : typeof value);
    } catch (thrown) {
      return '!' + told(thrown);
    }
  };
  for (const name of ['console', 'WebAssembly', 'SharedArrayBuffer', 'Atomics', 'FinalizationRegistry', 'WeakRef']) delete globalThis[name];
  const put = (name, value) => Object.defineProperty(globalThis, name, { value });
  for (const [name, value] of Object.entries({ basename, dirname, extname, stem, run$: run })) put(name, value);
  for (const name of ['x', 'fields', 'tags', 'slot']) Object.defineProperty(globalThis, name, { get: () => current[name] });
  const seen = new Set();
  const frozen = (value) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
    seen.add(value);
    freeze(value);
    frozen(getPrototypeOf(value));
    for (const name of [...getOwnPropertyNames(value), ...Object.getOwnPropertySymbols(value)]) {
      const property = getOwnPropertyDescriptor(value, name);
      if ('value' in property) frozen(property.value);
      else { frozen(property.get); frozen(property.set); }
    }
  };
  frozen(globalThis);
  for (const syntax of [function* () {}, async function () {}, async function* () {}, [][Symbol.iterator](), ''[Symbol.iterator](), /x/[Symbol.matchAll]('')]) frozen(getPrototypeOf(syntax));
  return (line) => { current = parse(line); freeze(current.fields); freeze(current.tags); };
})()`;

/** Where an expression is malformed: in its own text, from 0. */
interface Malformed {
  readonly offset: number;
  readonly reason: string;
}

/** A context, made for the first line that needs it and shared by the expressions of a template. */
export class ExpressionScope {
  #context: Context | null = null;
  #give: ((line: string) => void) | null = null;

  /** What the compiled expression makes of a line: its kind as one character, then a text. */
  run(script: Script, line: string, fields: TemplateFields): string {
    if (this.#context === null) {
      const options = { codeGeneration: { strings: false, wasm: false }, microtaskMode: 'afterEvaluate' as const };
      this.#context = createContext(constants.DONT_CONTEXTIFY as unknown as Context, options);
      this.#give = new Script(bootstrap).runInContext(this.#context) as (line: string) => void;
    }
    this.#give!(JSON.stringify({ x: line, fields: fields.fields ?? {}, tags: fields.tags ?? {}, slot: fields.slot }));
    for (let run = 1; ; run++) {
      try {
        return script.runInContext(this.#context, { timeout: longestRun }) as string;
      } catch (thrown) {
        if (run === mostRuns || !isTimeout(thrown)) throw thrown;
      }
    }
  }
}

function isTimeout(thrown: unknown): boolean {
  return (thrown as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}

export class Expression {
  readonly #text: string;
  readonly #script: Script;
  readonly #scope: ExpressionScope;

  /** @throws ERR_TEMPLATE for what is no expression; `place` says where in the template an offset of the text is */
  constructor(text: string, scope: ExpressionScope, place: (offset: number) => string) {
    const wrong = (offset: number, reason: string): MillraceError =>
      new MillraceError('ERR_TEMPLATE', `the template's expression is malformed at ${place(offset)}: ${reason}`);
    if (text.trim() === '') throw wrong(0, 'there is nothing between {= and =}');
    const word = /\bimport\b/.exec(text);
    if (word !== null) throw wrong(word.index, 'an expression cannot import anything');
    try {
      // In brackets of both kinds: what closes the one does not close the other, so it is one expression.
      this.#script = new Script(`'use strict';\nrun$(() => [(\n${text}\n)][0])`, { filename: 'template' });
    } catch (thrown) {
      const { offset, reason } = malformed(text, thrown);
      throw wrong(offset, reason);
    }
    this.#text = text.trim();
    this.#scope = scope;
  }

  /**
   * Its text for a line.
   * @throws ERR_TEMPLATE where it throws, takes longer than 100 ms, or gives no text, finite number or boolean
   */
  value(line: string, fields: TemplateFields): string {
    let answer: string;
    try {
      answer = this.#scope.run(this.#script, line, fields);
    } catch (thrown) {
      // What the expression throws is caught inside: this is of V8 or Node, but made in that context.
      throw this.#failed(isTimeout(thrown) ? `took longer than ${longestRun} ms` : 'could not be run');
    }
    const content = answer.slice(1);
    if (answer[0] === '!') throw this.#failed(`failed: ${content}`);
    if (answer[0] !== '=') throw this.#failed(`must give a text, a finite number or a boolean; it gave ${content}`);
    if (content.length > longestText) throw this.#failed(`gave more than ${longestText} characters`);
    return content;
  }

  #failed(how: string): MillraceError {
    return new MillraceError('ERR_TEMPLATE', `{= ${this.#text.slice(0, 200)} =} ${how}`);
  }
}

/** Where V8 says that it is: its message is preceded by the place, the line and a mark under it. The text begins in line 3. */
function malformed(text: string, thrown: unknown): Malformed {
  const reason = reasonOf(thrown);
  const [place = '', , mark = ''] = (thrown instanceof Error ? (thrown.stack ?? '') : '').split('\n');
  const row = Number(/^template:(\d+)$/.exec(place)?.[1] ?? Number.NaN) - 3;
  const column = mark.indexOf('^');
  const lines = text.split('\n');
  if (Number.isNaN(row) || column === -1 || row < 0) return { offset: 0, reason };
  if (row >= lines.length) return { offset: text.trimEnd().length, reason: 'it ends too early' };
  return { offset: lines.slice(0, row).reduce((sum, line) => sum + line.length + 1, column), reason };
}
