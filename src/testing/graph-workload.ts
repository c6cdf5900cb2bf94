/** Graphs of chance for simulated sessions: what they make, keep and need, and which of their tasks will fail. */
import { GraphObject, type GraphSession, type ObjectSpec, objectState, type TaskSpec } from '../graph/entities.ts';
import type { Random } from './random.ts';

/** `failing`: the numbers of tasks that fail go there. */
export function graphOfChance(
  random: Random,
  session: GraphSession,
  nextId: () => number,
  failing: Set<number>,
): { objects: ObjectSpec[]; tasks: TaskSpec[] } {
  const objects: ObjectSpec[] = [];
  const tasks: TaskSpec[] = [];
  const usable = [...session.nodes.values()].filter(
    (node): node is GraphObject => node instanceof GraphObject && (node.constant || (node.keep && node.state < objectState.removed)),
  );
  const inputs = usable.map(({ id }) => id);
  for (let i = random.between(1, 3); i > 0; i--) {
    const id = nextId();
    objects.push([id, 'constant', 0, false, Uint8Array.of(1), null]);
    inputs.push(id);
  }
  for (let i = random.between(2, 14); i > 0; i--) {
    const id = nextId();
    const made = Array.from({ length: random.chance(0.2) ? 2 : 1 }, () => nextId());
    for (const output of made) objects.push([output, 'output', 0, random.chance(0.3), null, null]);
    const recent = random.chance(0.5) ? inputs.slice(-2) : inputs;
    const taken = Array.from({ length: random.between(0, 3) }, () => random.pick(recent)).flatMap((input) => [input, null]);
    const more = random.chance(0.1) ? { cpus: 2 } : random.chance(0.1) ? { cpus: 0, resources: { gpu: 1 } } : null;
    tasks.push([id, 'step', null, taken, made, random.chance(0.1) ? { ...more, priority: random.between(-2, 2) } : more]);
    if (random.chance(0.02)) failing.add(id);
    inputs.push(...made);
  }
  return { objects, tasks };
}
