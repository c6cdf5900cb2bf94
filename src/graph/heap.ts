/** Ready tasks of the same needs, the next one first: by priority, then by the longest way to an end of the graph, then by age. Each task knows its place. */
import type { GraphTask, TaskHeap } from './entities.ts';

function before(a: GraphTask, b: GraphTask): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.depth !== b.depth) return a.depth > b.depth;
  return a.order < b.order;
}

export class ReadyHeap implements TaskHeap {
  readonly #tasks: GraphTask[] = [];

  get size(): number {
    return this.#tasks.length;
  }

  get first(): GraphTask | null {
    return this.#tasks[0] ?? null;
  }

  [Symbol.iterator](): Iterator<GraphTask> {
    return this.#tasks.values();
  }

  push(task: GraphTask): void {
    task.heap = this;
    this.#tasks.push(task);
    this.#up(task, this.#tasks.length - 1);
  }

  remove(task: GraphTask): void {
    const last = this.#tasks.pop()!;
    task.heap = null;
    if (last === task) return;
    const at = task.heapIndex;
    this.#up(last, at);
    if (last.heapIndex === at) this.#down(last, at);
  }

  /** Every task is where it thinks, and none is before its parent. */
  check(): void {
    this.#tasks.forEach((task, at) => {
      if (task.heap !== this || task.heapIndex !== at) throw new Error(`task ${task.id} does not stand where it thinks`);
      if (at > 0 && before(task, this.#tasks[(at - 1) >> 1]!)) throw new Error(`task ${task.id} stands behind one that comes after it`);
    });
  }

  #up(task: GraphTask, from: number): void {
    let at = from;
    while (at > 0) {
      const parent = this.#tasks[(at - 1) >> 1]!;
      if (!before(task, parent)) break;
      this.#set(parent, at);
      at = (at - 1) >> 1;
    }
    this.#set(task, at);
  }

  #down(task: GraphTask, from: number): void {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#tasks.length) break;
      if (child + 1 < this.#tasks.length && before(this.#tasks[child + 1]!, this.#tasks[child]!)) child++;
      if (!before(this.#tasks[child]!, task)) break;
      this.#set(this.#tasks[child]!, at);
      at = child;
    }
    this.#set(task, at);
  }

  #set(task: GraphTask, at: number): void {
    this.#tasks[at] = task;
    task.heapIndex = at;
  }
}

/** Whether `a` is to run before `b`. */
export function runsBefore(a: GraphTask, b: GraphTask): boolean {
  return before(a, b);
}
