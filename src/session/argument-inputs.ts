/** What a remote function says of the objects among its arguments: by the places of the arguments, or by the names of the parameters. */
import { didYouMean } from '../base/nearest.ts';
import type { DataObject } from './data-object.ts';
import { RainException } from './exceptions.ts';
import { InputBase } from './input-output.ts';
import type { Parameter } from './parameters.ts';
import type { ArgumentInput } from './task-types.ts';

type Given = InputBase | null;

/** By place; or by the name of a parameter, or of a property that a parameter takes apart. Null: as `autoLoad` says. */
export type RemoteInputs = readonly Given[] | Readonly<Record<string, Given>>;

export interface ArgumentInputs {
  /** What is said of this object in the argument at this place (the context not counted). */
  specOf(at: number, argument: unknown): (object: object) => Given;
}

/** The objects among the arguments of one call, each once, and as what the arguments find each. */
export class ArgumentObjects {
  readonly objects: DataObject[] = [];
  readonly facts: ArgumentInput[] = [];
  /** The place of an object among the inputs: one more than here, behind the code. */
  readonly #inputs: Map<DataObject, number> = new Map();
  readonly #places: Map<string, number> = new Map();

  /** The number under which an argument finds it. */
  place(object: DataObject, load: boolean, contentType: string | null): number {
    const input = this.#inputs.get(object) ?? this.objects.push(object);
    this.#inputs.set(object, input);
    const key = `${input} ${load} ${contentType ?? ''}`;
    const at = this.#places.get(key) ?? this.facts.push([input, load, contentType]) - 1;
    this.#places.set(key, at);
    return at;
  }
}

/** `parameters`: those of the function, its context first; asked only for names. @throws RainException for what no parameter has */
export function argumentInputs(inputs: unknown, parameters: () => readonly Parameter[] | null): ArgumentInputs {
  if (Array.isArray(inputs)) {
    for (const input of inputs) checkInput(input);
    return { specOf: (at) => () => (inputs[at] ?? null) as Given };
  }
  if (typeof inputs !== 'object' || inputs === null)
    throw new RainException('`inputs` of remote() is a list, or an object by the names of parameters: of Inputs, InputDirs or null');
  const given = Object.entries(inputs as Record<string, unknown>);
  for (const [, input] of given) checkInput(input);
  const known = given.length === 0 ? [] : parameters()?.slice(1);
  if (known === undefined)
    throw new RainException('the names of the parameters cannot be read from the text of the function: give `inputs` as a list');
  const names = known.flatMap(({ name, properties }) => (name === null ? properties : [name]));
  const byName = new Map(given as [string, Given][]);
  for (const name of byName.keys())
    if (!names.includes(name))
      throw new RainException(
        `the function has no parameter '${name}' beside its context; it has ${names.join(', ') || 'none'}.${didYouMean(name, names)}`,
      );
  return { specOf: (at, argument) => specOf(known[at] ?? restOf(known), byName, argument) };
}

function restOf(known: readonly Parameter[]): Parameter | undefined {
  const last = known.at(-1);
  return last?.rest === true ? last : undefined;
}

function specOf(parameter: Parameter | undefined, byName: ReadonlyMap<string, Given>, argument: unknown): (object: object) => Given {
  if (parameter === undefined) return () => null;
  const { name, properties } = parameter;
  if (name !== null) {
    const spec = byName.get(name) ?? null;
    return () => spec;
  }
  const specs = new Map<unknown, Given>();
  for (const own of properties) {
    const spec = byName.get(own) ?? null;
    if (spec !== null && typeof argument === 'object' && argument !== null)
      collect((argument as Record<string, unknown>)[own], spec, specs);
  }
  return (object) => specs.get(object) ?? null;
}

/** All that lies in lists and plain objects of a property. */
function collect(value: unknown, spec: Given, specs: Map<unknown, Given>): void {
  if (typeof value !== 'object' || value === null || specs.has(value)) return;
  specs.set(value, spec);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return;
  for (const part of Object.values(value)) collect(part, spec, specs);
}

function checkInput(input: unknown): void {
  if (input !== null && !(input instanceof InputBase))
    throw new RainException('each of `inputs` of remote() is an Input, an InputDir or null');
  if (input !== null && input.dataobj !== null) throw new RainException('an input of remote() has no object: it comes with the call');
}
