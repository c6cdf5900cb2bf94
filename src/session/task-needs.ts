/** What a task asks for beside its inputs: resources and a place among others, checked when it is made. */

import { inspect } from 'node:util';
import { parseSize } from '../base/bytes.ts';
import { MillraceError } from '../base/errors.ts';
import { isTagKey, tagKeyRule } from '../task/tags.ts';
import type { Size } from '../task/task.ts';
import { RainException } from './exceptions.ts';
import { optionalNumber, optionalText } from './options.ts';

interface Asked {
  readonly cpus?: number;
  readonly memory?: Size;
  readonly resources?: Readonly<Record<string, number>>;
}

/** What most tasks ask for: one object for all of them. */
const oneCore: Readonly<Record<string, number>> = Object.freeze({ cpus: 1 });

export function resourcesOf({ cpus, memory, resources }: Asked): Readonly<Record<string, number>> {
  if (cpus === undefined && memory === undefined && resources === undefined) return oneCore;
  return namedResources(cpus, memory, resources === undefined ? {} : resources);
}

function namedResources(cpus: unknown, memory: unknown, resources: unknown): Record<string, number> {
  if (typeof resources !== 'object' || resources === null || Array.isArray(resources))
    throw new RainException('`resources` is an object of numbers: { gpu: 1 }');
  const all: Record<string, number> = { cpus: optionalNumber(cpus, 'cpus') ?? 1 };
  const bytes = memory === undefined ? 0 : parseSize(memory as Size, 'memory');
  if (bytes > 0) all.memory = bytes;
  for (const [name, amount] of Object.entries(resources)) {
    if (Object.hasOwn(all, name) || name === 'memory')
      throw new RainException(`'${name}' is an option of its own: leave it out of \`resources\``);
    // Clients can have no other.
    if (!isTagKey(name)) throw new RainException(`the name of a resource is ${tagKeyRule}; it is ${inspect(name)}`);
    all[name] = optionalNumber(amount, `resources.${name}`) ?? 0;
  }
  return all;
}

/** The same before there is a task. @throws RainException, ERR_OPTION, ERR_SIZE */
export function checkNeeds({ name, priority, ...asked }: Asked & { readonly name?: unknown; readonly priority?: unknown }): void {
  optionalText(name, 'name');
  resourcesOf(asked);
  priorityOf(priority);
}

export function priorityOf(priority: unknown): number {
  if (priority === undefined) return 0;
  if (Number.isInteger(priority) && Math.abs(priority as number) < 2 ** 31) return priority as number;
  throw new MillraceError('ERR_OPTION', `priority must be a whole number; it is ${String(priority)}`, { details: { option: 'priority' } });
}
