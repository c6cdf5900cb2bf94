/**
 * From what a source yields to tasks in their wire form: directives, the template of the submission, defaults, and what to do
 * with a bad task. It keeps what lines say to the lines after them, and counts.
 *
 * A blank line and a line that is only a comment are no tasks. A line that is only a directive sets defaults for what comes
 * after it; a later one adds to an earlier one, and a task's own words win over both.
 */
import { createHash } from 'node:crypto';
import { MillraceError } from '../base/errors.ts';
import { mergeAttributes } from '../task/attributes.ts';
import { readDirective } from '../task/directive.ts';
import { atLine, rejectedTask, toWireTask } from '../task/spec.ts';
import type { TaskAttributes, TaskInput, WireTask } from '../task/task.ts';
import { Template } from '../task/template.ts';

export interface LoaderOptions {
  /** For every task that says nothing else. */
  readonly defaults?: TaskAttributes | null;
  /** Applied to command lines at once: the task's `args` are what comes out. Default `'{}'`. */
  readonly template?: string;
  /** A bad task throws, with its line, instead of being recorded as rejected. Default false. */
  readonly strict?: boolean;
  /** Give each task without a key one that is made of its content, so that the same task is submitted once. Default false. */
  readonly contentKeys?: boolean;
}

export class Loader {
  readonly #template: Template | null;
  readonly #strict: boolean;
  readonly #contentKeys: boolean;
  #defaults: TaskAttributes | null;
  #line = 0;
  #rejected = 0;

  /** @throws ERR_TEMPLATE for a template that cannot be filled in at submission */
  constructor(options: LoaderOptions = {}) {
    const template = new Template(options.template ?? '{}');
    if (template.dynamic || template.usesSlot) {
      const part = template.usesSlot ? '{slot}' : '{% … %} and {= … =}';
      throw new MillraceError('ERR_TEMPLATE', `${part} can be filled in only on a client: put it into the client's template`);
    }
    this.#template = template.identity ? null : template;
    this.#strict = options.strict ?? false;
    this.#contentKeys = options.contentKeys ?? false;
    this.#defaults = options.defaults ?? null;
  }

  /** Lines or items read so far. */
  get line(): number {
    return this.#line;
  }

  /** Bad tasks so far. */
  get rejected(): number {
    return this.#rejected;
  }

  /**
   * The tasks of these items, added to `into`.
   * @throws the error of a bad task when strict; the tasks before it have been added
   */
  load(inputs: readonly TaskInput[], into: WireTask[]): void {
    for (const input of inputs) {
      this.#line += 1;
      if (typeof input === 'string') {
        const first = input.charCodeAt(0);
        // Most lines begin with a letter: one comparison says that they are neither blank nor a comment.
        if (!(first > 35 && first < 127) && (input.trim() === '' || isComment(input))) continue;
      }
      try {
        if (typeof input === 'string' && this.#takeDefaults(input)) continue;
        const task = toWireTask(input, this.#defaults, this.#template);
        into.push(this.#contentKeys ? withContentKey(task) : task);
      } catch (error) {
        if (this.#strict) throw atLine(error, this.#line);
        this.#rejected += 1;
        into.push(rejectedTask(input, error, this.#line));
      }
    }
  }

  /** True when the line is only a directive, which is kept. */
  #takeDefaults(line: string): boolean {
    if (line.charCodeAt(0) > 35 || line.trimStart()[0] !== '#') return false;
    const directed = readDirective(line);
    if (directed === null || directed.line.trim() !== '') return false;
    const { attributes } = directed;
    for (const name of ['id', 'key'] as const) {
      if (attributes?.[name] === undefined) continue;
      throw new MillraceError('ERR_DIRECTIVE', `'${name}' names one task; it cannot be set for all the lines that follow`);
    }
    this.#defaults = mergeAttributes(this.#defaults, attributes);
    return true;
  }
}

const directiveStart = /^\s*#[ \t]*(?:MILLRACE|HYPERSHELL):/;

/** One line, a comment, and no directive. */
function isComment(text: string): boolean {
  if (text.trimStart()[0] !== '#' || text.trimEnd().includes('\n')) return false;
  return !directiveStart.test(text);
}

function withContentKey(task: WireTask): WireTask {
  const [kind, args, input, attributes] = task;
  if (attributes?.key !== undefined) return task;
  const hash = createHash('sha256').update(`${kind}\0${args}\0${typeof input}\0`);
  if (input !== null) hash.update(input);
  return [kind, args, input, { ...attributes, key: `content:${hash.digest('base64url')}` }];
}
