/** What a task asks of a client: resources of which there is only so much, and time before it leaves. */
import type { ClientCapacity } from '../../protocol/messages.ts';
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

/** Whether a client of this capacity could ever hold such a task, its time aside. */
export function isWithin({ cores, memory, resources }: ClientCapacity, demand: Demand): boolean {
  if (cores !== null && demand.cores > cores) return false;
  if (memory !== null && demand.memory > memory) return false;
  for (const name in demand.resources) if (demand.resources[name]! > (resources[name] ?? 0)) return false;
  return true;
}

/** Why a task can never run where these are all the clients that there will ever be; null: it can, or others may come (`clients` null). */
export function unholdable(
  clients: readonly ClientCapacity[] | null,
  attributes: TaskAttributes | null,
): { code: string; message: string } | null {
  const demand = clients === null ? null : demandOf(attributes);
  if (clients === null || demand === null || clients.some((client) => isWithin(client, demand))) return null;
  const asked = Object.entries({ cores: demand.cores, 'bytes of memory': demand.memory, ...demand.resources }).filter(
    ([, need]) => need > 0,
  );
  const needs = asked.map(([name, need]) => `${need} ${name}`).join(', ');
  const has = ({ cores, memory, resources }: ClientCapacity): string =>
    [
      cores === null ? '' : `${cores} cores`,
      memory === null ? '' : `${memory} bytes of memory`,
      ...Object.entries(resources).map(([name, count]) => `${count} ${name}`),
    ]
      .filter(Boolean)
      .join(', ');
  return {
    code: 'ERR_RESOURCES',
    message: `it asks for ${needs}, which the client of this run does not have (${clients.map(has).join('; ')}), and no other can come`,
  };
}
