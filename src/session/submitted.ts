/**
 * What a session has submitted, by number. Tasks that have ended well and whose outputs are not kept are of no further use to it: whoever has their handles goes on
 * having them, and for the picture a line of numbers stays of each, a tenth of what the task took.
 */
import { NumberMap } from '../base/number-map.ts';
import type { NodeRecord, ObjectRecord, TaskRecord } from './records.ts';

/** A task with its outputs as it is drawn. */
export interface PastTask {
  readonly id: number;
  readonly text: string;
  readonly inputs: readonly PastLink[];
  readonly outputs: readonly PastLink[];
}

/** An object, and its label as an input or output of the task; '': none. */
export interface PastLink {
  readonly id: number;
  readonly label: string;
}

/** Numbers of a block. */
const blockSize = 16_384;

export class SubmittedNodes {
  readonly tasks: NumberMap<TaskRecord> = new NumberMap();
  readonly objects: NumberMap<ObjectRecord> = new NumberMap();
  /** Of each past task: its number, its text, how many inputs, of each its number and label, how many outputs, of each the same. None is split. */
  readonly #blocks: { readonly numbers: Int32Array; used: number }[] = [];
  readonly #texts: string[] = [];
  readonly #places: Map<string, number> = new Map();

  add(tasks: Iterable<TaskRecord>, objects: Iterable<ObjectRecord>): void {
    for (const object of objects) this.objects.set(object.id, object);
    for (const task of tasks) this.tasks.set(task.id, task);
  }

  /** Those of them that have ended well and keep nothing. */
  letGo(nodes: Iterable<NodeRecord | null>): void {
    for (const node of nodes) {
      if (node?.kind !== 'task' || node.state !== 'finished' || node.outputs.some(({ kept }) => kept)) continue;
      if (!this.tasks.delete(node.id)) continue;
      for (const { id } of node.outputs) this.objects.delete(id);
      this.#note(node);
    }
  }

  /** What was let go. */
  *past(): Generator<PastTask> {
    for (const { numbers, used } of this.#blocks) {
      let at = 0;
      const links = (): PastLink[] =>
        Array.from({ length: numbers[at++]! }, () => ({ id: numbers[at++]!, label: this.#texts[numbers[at++]!]! }));
      while (at < used) yield { id: numbers[at++]!, text: this.#texts[numbers[at++]!]!, inputs: links(), outputs: links() };
    }
  }

  #note({ id, name, type, inputs, labels, outputs }: TaskRecord): void {
    const length = 4 + 2 * (inputs.length + outputs.length);
    let block = this.#blocks.at(-1);
    if (block === undefined || block.used + length > block.numbers.length) {
      block = { numbers: new Int32Array(Math.max(blockSize, length)), used: 0 };
      this.#blocks.push(block);
    }
    const { numbers } = block;
    let at = block.used;
    numbers[at++] = id;
    numbers[at++] = this.#textOf(name ?? type);
    numbers[at++] = inputs.length;
    for (let place = 0; place < inputs.length; place++) {
      numbers[at++] = inputs[place]!.id;
      numbers[at++] = this.#textOf(labels?.[place] ?? '');
    }
    numbers[at++] = outputs.length;
    for (const output of outputs) {
      numbers[at++] = output.id;
      numbers[at++] = this.#textOf(output.label);
    }
    block.used = at;
  }

  #textOf(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    this.#places.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }
}
