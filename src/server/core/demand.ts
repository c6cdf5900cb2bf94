/** What a task asks of a client: resources of which there is only so much, and time before it leaves. */
import { demandText, timeoutClass } from '../../task/lane.ts';
import type { TaskAttributes } from '../../task/task.ts';

/** What a task needs of a client; null for the many that ask for nothing. */
export interface Demand {
  readonly cores: number;
  readonly memory: number;
  readonly resources: Readonly<Record<string, number>>;
  /** How long it may run, as lanes see it (ms); 0: nothing is known. */
  readonly timeout: number;
  /** Whether a client can hold tasks of one signature is asked once. */
  readonly signature: string;
}

/** What a task asks of a client; null: nothing. */
export function demandOf(attributes: TaskAttributes | null): Demand | null {
  if (attributes === null) return null;
  const signature = demandText(attributes);
  if (signature === '') return null;
  const { cores = 0, memory = 0, resources = {}, timeout } = attributes;
  return { cores, memory, resources, timeout: timeout === undefined ? 0 : timeoutClass(timeout), signature };
}
