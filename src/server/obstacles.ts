/** Why a ready task stays in the queue, in words: no client can hold it, none has the time for it, or a limit stops it. */
import type { TaskAttributes } from '../task/task.ts';
import { type Demand, demandOf } from './core/demand.ts';
import type { CoreClient } from './core/entities.ts';
import type { LimitUnit } from './core/kind.ts';

/** Why none of these clients can hold a task that asks for this; empty: some can. */
export function placementReasons(clients: readonly CoreClient[], attributes: TaskAttributes | null, now: number): string[] {
  const demand = demandOf(attributes);
  if (demand === null || clients.length === 0 || clients.some((client) => client.fits(demand, now))) return [];
  const asked = wishes(demand);
  const large = clients.filter((client) => client.fits({ ...demand, timeout: 0 }, now));
  if (large.length > 0) {
    const left = Math.max(...large.map(({ endsAt }) => (endsAt ?? now) - now));
    const which = asked.length === 0 ? 'connected client' : 'client that is large enough';
    return [
      `it may run for ${demand.timeout} ms (its timeout), and no ${which} has more than ${Math.max(0, Math.round(left))} ms left (walltime)`,
    ];
  }
  const names = asked.map(({ text }) => text).join(', ');
  const short = asked.flatMap(({ name, need, of }) => {
    const most = Math.max(...clients.map(of));
    return most < need ? [`${most} ${name}`] : [];
  });
  return [
    `it asks for ${names}; no connected client has that${short.length === 0 ? ' together' : `: the most that one has is ${short.join(', ')}`}`,
  ];
}

interface Wish {
  readonly name: string;
  readonly need: number;
  readonly text: string;
  /** What a client has of it. */
  of(client: CoreClient): number;
}

function wishes({ cores, memory, resources }: Demand): Wish[] {
  const wish = (need: number, name: string, of: (client: CoreClient) => number): Wish[] =>
    need > 0 ? [{ name, need, text: `${need} ${name}`, of }] : [];
  return [
    ...wish(cores, 'cores', ({ capacity }) => capacity.cores ?? Number.POSITIVE_INFINITY),
    ...wish(memory, 'bytes of memory', ({ capacity }) => capacity.memory ?? Number.POSITIVE_INFINITY),
    ...Object.entries(resources).flatMap(([name, need]) => wish(need, name, ({ capacity }) => capacity.resources[name] ?? 0)),
  ];
}

/** Which limits stop a task that shares these units, and when they let the next one go as far as is known. */
export function limitReasons(units: readonly LimitUnit[], now: number): string[] {
  return units.flatMap((unit) => {
    const { key, concurrency, rate } = unit.limit;
    const name = `the limit on ${key} ${JSON.stringify(unit.value)}`;
    if (unit.full) return [`${name} is reached: ${unit.leases} leased, at most ${concurrency} at a time`];
    if (rate === null || unit.due <= now) return [];
    return [`${name} lets ${rate.starts} start in ${rate.per} ms: the next one in ${Math.ceil(unit.due - now)} ms`];
  });
}
