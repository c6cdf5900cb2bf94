/** The invariant of stored grants: their rows name every task that is leased, and nobody else who is not done: a task that is named is hidden from the queue. */
import type { GrantId } from '../protocol/messages.ts';
import type { ServerCore } from '../server/core/core.ts';
import type { GrantRow } from '../store/store.ts';
import { fromRanges } from '../task/ranges.ts';
import { broken } from './broken.ts';

/** Which tasks are leased under which grant, as a core has it. */
export type LeaseTable = ReadonlyMap<GrantId, readonly number[]>;

export function leasesOf(core: ServerCore): LeaseTable {
  const leases = new Map<GrantId, number[]>();
  for (const client of core.clients())
    for (const { id, tasks } of client.grants.values())
      leases.set(
        id,
        tasks.flatMap((task) => task?.n ?? []),
      );
  return leases;
}

export class GrantRows {
  readonly #rows: Map<GrantId, readonly number[]> = new Map();

  /** Tasks that a row names. */
  get named(): ReadonlySet<number> {
    const named = new Set<number>();
    for (const numbers of this.#rows.values()) for (const n of numbers) named.add(n);
    return named;
  }

  /** A transaction has written these rows; `isOpen`: the task is stored and not done. */
  committed(rows: readonly GrantRow[], leases: LeaseTable, isOpen: (n: number) => boolean): void {
    for (const { id, tasks } of rows) {
      if (tasks.length === 0) this.#rows.delete(id);
      else this.#rows.set(id, [...fromRanges(tasks, 65_536)]);
    }
    for (const [id, numbers] of this.#rows) {
      const leased = leases.get(id);
      for (const n of numbers)
        if (isOpen(n) && leased?.includes(n) !== true)
          throw broken('leases', `the stored row of grant ${id} names task ${n}, which is not leased`);
    }
    for (const [id, numbers] of leases) {
      const named = this.#rows.get(id);
      for (const n of numbers)
        if (named?.includes(n) !== true) throw broken('leases', `task ${n} is leased under grant ${id}, whose stored row does not name it`);
    }
  }

  /** Nobody holds them any more: a server that starts drops the rows of which every task is done. */
  dropDone(isOpen: (n: number) => boolean): void {
    for (const [id, numbers] of this.#rows) if (!numbers.some(isOpen)) this.#rows.delete(id);
  }
}
