/**
 * From what a source yields to tasks in their wire form: directives, lines of JSON, the template of the submission, defaults, keys and
 * places, and what to do with a bad task. It keeps what lines say to the lines after them, and counts.
 *
 * A blank line and a line that is only a comment are no tasks. A line that is only a directive sets defaults for what comes
 * after it; a later one adds to an earlier one, and a task's own words win over both.
 */
import { MillraceError } from '../base/errors.ts';
import { mergeAttributes } from '../task/attributes.ts';
import { readDirective } from '../task/directive.ts';
import { readJsonLine } from '../task/json-line.ts';
import { atLine, jsonWireTask, rejectedTask, toWireTask } from '../task/spec.ts';
import type { TaskAttributes, TaskInput, WireTask } from '../task/task.ts';
import { submissionTemplate, type Template } from '../task/template.ts';
import { ContentKeys } from './content-keys.ts';

export interface LoaderOptions {
  /** For every task that says nothing else. */
  readonly defaults?: TaskAttributes | null;
  /** Applied to command lines at once: the task's `args` are what comes out. Default `'{}'`. */
  readonly template?: string;
  /** A bad task throws, with its line, instead of being recorded as rejected. Default false. */
  readonly strict?: boolean;
  /** Give each task without a key one that is made of its content, so that the same task is submitted once. Default false. */
  readonly contentKeys?: boolean;
  /** Texts are values of JSON. Default false: they are command lines. */
  readonly json?: boolean;
  /** Tell each task its place among the tasks of the source, from 1. Default false. */
  readonly places?: boolean;
  /** Places of tasks that are passed over. Default: none. */
  readonly skip?: ReadonlySet<number> | null;
}

export class Loader {
  readonly #template: Template | null;
  readonly #strict: boolean;
  readonly #json: boolean;
  readonly #keys: ContentKeys | null;
  readonly #places: boolean;
  readonly #skip: ReadonlySet<number> | null;
  #defaults: TaskAttributes | null;
  #line = 0;
  #place = 0;
  #rejected = 0;
  #skipped = 0;

  /** @throws ERR_TEMPLATE for a template that is malformed, or cannot be filled in at submission */
  constructor(options: LoaderOptions = {}) {
    const template = submissionTemplate(options.template ?? '{}');
    this.#template = template.identity ? null : template;
    this.#strict = options.strict ?? false;
    this.#json = options.json ?? false;
    this.#keys = options.contentKeys ? new ContentKeys(options.defaults ?? null) : null;
    this.#places = options.places ?? false;
    this.#skip = options.skip ?? null;
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

  /** Tasks that were passed over so far. */
  get skipped(): number {
    return this.#skipped;
  }

  /**
   * The tasks of these items, added to `into`.
   * @throws the error of a bad task when strict; the tasks before it have been added
   */
  load(inputs: readonly TaskInput[], into: WireTask[]): void {
    for (const input of inputs) {
      this.#line += 1;
      let task: WireTask | null;
      try {
        task = this.#json && typeof input === 'string' ? this.#jsonTask(input) : this.#task(input);
      } catch (error) {
        if (this.#strict) throw atLine(error, this.#line);
        this.#rejected += 1;
        task = this.#rejectedTask(input, error);
      }
      if (task === null) continue;
      this.#place += 1;
      if (this.#skip?.has(this.#place)) this.#skipped += 1;
      // Not by push(): V8 compiles that for a list of numbers first, and then all of this once more.
      else into[into.length] = this.#places ? withAttribute(task, { place: this.#place }) : task;
    }
  }

  /** Null: there is none in it. */
  #task(input: TaskInput): WireTask | null {
    if (typeof input === 'string') {
      const first = input.charCodeAt(0);
      // Most lines begin with a letter: one comparison says that they are neither blank nor a comment.
      if (!(first > 35 && first < 127) && (input.trim() === '' || isComment(input))) return null;
      if (this.#takeDefaults(input)) return null;
    }
    return this.#keyed(toWireTask(input, this.#defaults, this.#template));
  }

  #jsonTask(line: string): WireTask | null {
    if (line.trim() === '') return null;
    const json = readJsonLine(line);
    if (typeof json.input === 'string') return this.#task(json.input);
    return this.#keyed(jsonWireTask(line, json, this.#defaults, this.#template));
  }

  #keyed(task: WireTask): WireTask {
    return this.#keys === null || task[3]?.key !== undefined ? task : withAttribute(task, { key: this.#keys.keyOf(task) });
  }

  /** Submitted again it is the same refusal, not another one. */
  #rejectedTask(input: TaskInput, error: unknown): WireTask {
    const task = rejectedTask(input, error, this.#line);
    return this.#keys === null ? task : withAttribute(task, { key: this.#keys.keyOfRejected(typeof input === 'string' ? input : task[1]) });
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

function withAttribute([kind, args, input, attributes]: WireTask, more: TaskAttributes): WireTask {
  return [kind, args, input, { ...attributes, ...more }];
}
