/** Limits against what is leased: for `check`. */
import type { LimitUnit } from './kind.ts';
import type { CoreState } from './state.ts';

export function* limitProblems(state: CoreState): Iterable<string> {
  const leases = new Map<LimitUnit, { count: number; holders: Set<unknown> }>();
  const { emptied } = state.window.suspects;
  for (const client of state.leases.clients.values()) {
    let limited = 0;
    // What a client is emptied for is leased to it as well.
    const ahead = emptied?.client === client ? [emptied.task] : [];
    for (const tasks of [...[...client.grants.values()].map((grant) => grant.tasks), ahead]) {
      for (const task of tasks) {
        if (task === null || task.kind.units.length === 0) continue;
        limited++;
        for (const unit of task.kind.units) {
          const found = leases.get(unit) ?? { count: 0, holders: new Set() };
          found.count++;
          found.holders.add(client);
          leases.set(unit, found);
        }
      }
    }
    if (limited !== client.limited) yield `client ${client.id} counts ${client.limited} limited leases, holds ${limited}`;
    for (const unit of client.units) {
      if (unit.holder !== client || unit.leases === 0) yield `client ${client.id} does not hold ${unit.limit.key} ${unit.value}`;
    }
  }
  for (const unit of state.limits.units()) {
    const { count = 0, holders = new Set() } = leases.get(unit) ?? {};
    const name = `${unit.limit.key} ${unit.value}`;
    if (unit.leases !== count) yield `${name} counts ${unit.leases} leases, there are ${count}`;
    if (unit.holder !== null && (holders.size !== 1 || !holders.has(unit.holder))) yield `${name} is not held by one client alone`;
    if (unit.parked.size > 0 && unit.room(state.time.now) && !state.limits.watches(unit))
      yield `${name} stops lanes that nobody will let go`;
  }
}
