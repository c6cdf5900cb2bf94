/** A program with named places for its inputs: made once, of no session, called to make a task. */
import type { DataObject } from './data-object.ts';
import { RainException } from './exceptions.ts';
import { checkTemplate, type ExecuteArgument, type ExecuteOptions, execute, executeNames, listOf } from './execute.ts';
import { Input, InputBase, InputDir, OutputBase } from './input-output.ts';
import { checkOptions } from './options.ts';
import { type DataLike, type Task, type TaskOptions, taskOptionNames, toDataObject } from './task.ts';

export interface ProgramOptions extends Omit<ExecuteOptions, 'session' | 'stdin' | 'inputPaths'> {
  /** The label of an input, or an input. */
  readonly stdin?: string | InputBase;
  readonly inputPaths?: Iterable<string | InputBase>;
}

/** The data object for each label. */
export type ProgramInputs = Readonly<Record<string, DataLike>>;

export interface Program {
  /** Makes a task. @throws RainException for a label that is missing, or that it does not have */
  (inputs?: ProgramInputs, options?: TaskOptions): Task;
  /** The labels that a call gives objects for. */
  readonly labels: readonly string[];
}

const programNames = executeNames.filter((name) => name !== 'session') as readonly (keyof ProgramOptions)[];

/**
 * A program whose inputs have labels instead of objects: `Program(['grep', new Input('pattern'), …], { stdout: true })`; the call gives them:
 * `grep({ pattern: object })`. (Source: Rain, `client.Program`; there unknown labels were ignored.)
 */
export function Program(args: string | Iterable<string | InputBase | OutputBase>, options: ProgramOptions = {}): Program {
  const { stdin, inputPaths, ...rest } = checkOptions(options, programNames, 'Program()');
  const words = typeof args === 'string' ? args : (listOf(args, 'args') as (string | InputBase | OutputBase)[]);
  if (typeof words !== 'string')
    for (const word of words)
      if (typeof word !== 'string' && !(word instanceof InputBase) && !(word instanceof OutputBase))
        throw new RainException(
          `an argument of a Program is a text, an Input or an Output, not ${typeof word}: its objects come with the call`,
        );
  const source = stdin === undefined ? null : place(stdin);
  const files = listOf(inputPaths, 'inputPaths').map((given) => place(given as string | InputBase));
  // Lists may be iterators, and are read for each call.
  const given = { ...rest, outputPaths: listOf(rest.outputPaths, 'outputPaths') as (string | OutputBase)[] };
  checkTemplate(words, files, given);
  const places = [...(typeof words === 'string' ? [] : words.filter((word) => word instanceof InputBase).map(place)), ...files];
  if (source !== null) places.push(source);
  const labels = [...new Set(places.map((input) => input.label as string))];
  const call = (inputs: ProgramInputs = {}, callOptions: TaskOptions = {}): Task => {
    const objects = objectsFor(labels, inputs);
    const fill = (input: InputBase): InputBase => filled(input, objects);
    const filledWords =
      typeof words === 'string'
        ? words
        : words.map((word): ExecuteArgument => (word instanceof InputBase ? fill(word) : (word as ExecuteArgument)));
    return execute(filledWords, {
      ...given,
      ...checkOptions(callOptions, taskOptionNames, 'a Program'),
      ...(source === null ? {} : { stdin: fill(source) }),
      inputPaths: files.map(fill),
    });
  };
  return Object.assign(call, { labels });
}

function place(given: string | InputBase): InputBase {
  const input = typeof given === 'string' ? new Input(given) : given;
  if (!(input instanceof InputBase) || input.label === null) throw new RainException('an input of a Program needs a label');
  if (input.dataobj !== null) throw new RainException(`the input '${input.label}' of a Program has no object: it comes with the call`);
  return input;
}

function objectsFor(labels: readonly string[], inputs: ProgramInputs): Map<string, DataObject> {
  if (typeof inputs !== 'object' || inputs === null)
    throw new RainException('a Program is called with an object: the data object of each label');
  const objects = new Map<string, DataObject>();
  for (const [label, object] of Object.entries(inputs)) {
    if (!labels.includes(label)) throw new RainException(`the Program has no input '${label}'; it has ${labels.join(', ') || 'none'}`);
    objects.set(label, toDataObject(object));
  }
  const missing = labels.filter((label) => !objects.has(label));
  if (missing.length > 0) throw new RainException(`the Program needs an object for ${missing.join(', ')}`);
  return objects;
}

function filled(input: InputBase, objects: ReadonlyMap<string, DataObject>): InputBase {
  const { label, path, write, contentType } = input;
  const options = {
    dataobj: objects.get(label as string),
    write,
    ...(path === null ? {} : { path }),
    ...(contentType === null ? {} : { contentType }),
  };
  return input.dataType === 'dir' ? new InputDir(label, options) : new Input(label, options);
}
