/** The two ends of a pump, driven by hand: a source whose items come, and a sink that commits, when the test says so. */
import { expect } from 'vitest';
import { type Deferred, deferred } from '../../src/base/deferred.ts';
import type { BundleSink, Receipt } from '../../src/source/pump.ts';
import type { TaskInput, WireTask } from '../../src/task/task.ts';
import { settle } from './virtual-clock.ts';

/** A sink that commits when the test says so. */
export class HeldSink implements BundleSink {
  readonly bundles: string[][] = [];
  readonly #open: { count: number; answer: Deferred<Receipt> }[] = [];
  most = 0;

  send(sequence: number, tasks: WireTask[]): Promise<Receipt> {
    this.bundles.push(tasks.map(([, args]) => args));
    expect(sequence).toBe(this.bundles.length);
    const answer = deferred<Receipt>();
    this.#open.push({ count: tasks.length, answer });
    this.most = Math.max(this.most, this.#open.length);
    return answer.promise;
  }

  async commit(changes: Partial<Receipt> = {}): Promise<void> {
    const { count, answer } = this.#open.shift()!;
    answer.resolve({ first: 1, submittedAt: 0, count, duplicates: [], rejected: 0, ...changes });
    await settle();
  }

  async refuse(error: Error): Promise<void> {
    this.#open.shift()!.answer.reject(error);
    await settle();
  }

  get unacknowledged(): number {
    return this.#open.length;
  }
}

/** A source whose items come when the test gives them. */
export class HandFed implements AsyncIterable<TaskInput> {
  #next = deferred<IteratorResult<TaskInput>>();
  asked = 0;
  returned = 0;

  [Symbol.asyncIterator](): AsyncIterator<TaskInput> {
    return {
      next: () => {
        this.asked += 1;
        return this.#next.promise;
      },
      return: () => {
        this.returned += 1;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  async give(item: TaskInput): Promise<void> {
    this.#settle().resolve({ done: false, value: item });
    await settle();
  }

  async end(): Promise<void> {
    this.#settle().resolve({ done: true, value: undefined });
    await settle();
  }

  async fail(error: Error): Promise<void> {
    this.#settle().reject(error);
    await settle();
  }

  #settle(): Deferred<IteratorResult<TaskInput>> {
    const current = this.#next;
    this.#next = deferred();
    return current;
  }
}
