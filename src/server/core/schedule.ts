/**
 * Who gets what: once a turn, ready tasks go to clients with credit. Free slots are served first, one round for all clients,
 * then prefetch, in equal shares. When nothing is ready and slots are free elsewhere, unstarted work is recalled from whoever
 * would need longest for it. Tasks that may be why they lost their clients go first, each to a client of its own: see `isolate.ts`.
 */
import { taskState } from '../../task/state.ts';
import { CoreClient, type CoreTask, type Grant } from './entities.ts';
import { send } from './grant.ts';
import { checkEmptied, isolate } from './isolate.ts';
import type { CoreState } from './state.ts';
import { take, takeChain } from './take.ts';

/** Work that is gone sooner than this is not worth a recall (ms); also the least time between two recalls of one client. */
const worthRecalling = 50;

/** A recall that is not answered in this time costs the client its connection (ms): `resume` then repairs. */
export const recallTimeout = 10_000;

/** The group that is served now; null: nothing is. */
function servedGroup(state: CoreState): number | null {
  if (state.phase !== 'running' || state.holds.size > 0) return null;
  const group = state.counts.activeGroup;
  if (group === null || state.options.continueOnFailure) return group;
  for (const failed of state.failedGroups.keys()) if (failed < group) return null;
  return group;
}

/** True: a client with a free slot got less than it can take. */
export function schedule(state: CoreState): boolean {
  const { crowd } = state.leases;
  checkEmptied(state);
  settle(state);
  const group = servedGroup(state);
  if (group === null) return false;
  isolate(state, group);
  settle(state);
  if (crowd.hungry > 0 && state.window.size > 0) {
    const { now } = state.time;
    const unserved: CoreClient[] = [];
    state.limits.reopen(now);
    do {
      crowd.unbar();
      for (const client of unserved.splice(0)) crowd.moved(client);
      settle(state);
      fill(state, group);
      share(state, group, unserved);
    } while (crowd.hungry + unserved.length > 0 && state.limits.reopen(now));
    for (const client of unserved) crowd.moved(client);
    settle(state);
    chains(state, group);
    // Of what was found meanwhile.
    isolate(state, group);
  }
  recall(state, group);
  settle(state);
  return crowd.idle > 0;
}

/** Clients that moved stand where they belong. */
function settle(state: CoreState): void {
  const { crowd } = state.leases;
  crowd.settle(
    (client) => spare(state, client),
    (client) => state.limits.stir(client),
  );
}

/** Free slots first, least loaded client first: on an idle server the next task goes to the client that has least to do. */
function fill(state: CoreState, group: number): void {
  const { crowd } = state.leases;
  while (state.window.size > 0) {
    const next = crowd.next(true);
    if (next === null) return;
    const [client, queue] = next;
    const room = Math.min(client.free, client.credit);
    if (hand(state, client, group, room, Number.POSITIVE_INFINITY) < room) queue.barred = true;
    crowd.moved(client);
    settle(state);
  }
}

/** What is left, beyond free slots, in equal shares of what each still takes. Who got nothing goes to `unserved`. */
function share(state: CoreState, group: number, unserved: CoreClient[]): void {
  const { crowd } = state.leases;
  while (state.window.size > 0 && crowd.waiting > 0) {
    const part = Math.max(1, Math.ceil(state.window.size / crowd.waiting));
    const served: CoreClient[] = [];
    for (let next = crowd.next(false); next !== null; next = state.window.size > 0 ? crowd.next(false) : null) {
      const [client, queue] = next;
      const limited = spare(state, client);
      if (hand(state, client, group, Math.min(part, client.credit), limited) > 0) served.push(client);
      else {
        unserved.push(client);
        if (queue.plain || limited > 0) queue.barred = true;
      }
    }
    for (const client of served) crowd.moved(client);
    settle(state);
  }
}

/** Grant up to `limit` tasks to a client, of them up to `limited` that share limits; how many it was. */
function hand(state: CoreState, client: CoreClient, group: number, limit: number, limited: number): number {
  let given = 0;
  while (given < limit) {
    const { tasks: most, bytes } = state.options.bundle;
    const before = client.limited;
    const portion = { tasks: Math.min(limit - given, most), limited, bytes };
    const tasks = take(state.window, state.limits, group, client, portion, state.time.now);
    if (tasks.length === 0) break;
    limited -= client.limited - before;
    send(state, client, tasks);
    given += tasks.length;
  }
  return given;
}

/** Clients that hold all leases of a unit may get more of its tasks ahead: see `limits.ts`. Asked are those of which, or of whose units, something changed. */
function chains(state: CoreState, group: number): void {
  for (const holder of state.limits.stirred()) {
    if (holder instanceof CoreClient && holder.credit > 0) chain(state, holder, group);
  }
}

function chain(state: CoreState, client: CoreClient, group: number): void {
  for (;;) {
    // What it takes for free slots is for tasks that can begin there.
    const limited = Math.min(client.credit - client.free, spare(state, client));
    const depth = Math.floor((client.limited + limited) / Math.max(1, client.units.size));
    if (limited <= 0 || depth <= 1) return;
    const { tasks: most, bytes } = state.options.bundle;
    const portion = { tasks: Math.min(limited, most), limited, bytes, depth, alone: state.leases.clients.size === 1 };
    const tasks = takeChain(state.window, state.limits, group, client, portion, state.time.now);
    if (tasks.length === 0) return;
    const { free } = client;
    send(state, client, tasks);
    // They wait for others there, not for a slot.
    client.free = free;
  }
}

/**
 * How many more tasks that share limits a client may hold beyond its free slots: all that it takes where there is no other client, since with few
 * ahead each costs a part of a round trip (10,000 calls of 50 tenants: 0.85 of the rate without limits, 0.61 with three quarters less 16). Beside
 * others a quarter: such a task keeps those behind it from being run elsewhere.
 */
function spare(state: CoreState, client: CoreClient): number {
  const held = client.unstarted + client.credit;
  return (state.leases.clients.size === 1 ? held : Math.floor(held / 4)) - client.limited;
}

function recall(state: CoreState, group: number): void {
  settle(state);
  const { crowd } = state.leases;
  let free = crowd.room;
  const { now } = state.time;
  if (free === 0 || crowd.loaded.size === 0 || now < state.recallFrom || !state.window.exhausted(group)) return;
  const victims = [...crowd.loaded].filter((client) => recallable(client, now)).sort((a, b) => b.unstarted - a.unstarted || a.n - b.n);
  for (const victim of victims) {
    if (free <= 0) return;
    // What nobody idle can hold would come straight back.
    const tail = lastUnstarted(victim);
    if (tail === null || chained(tail) || !idleFits(state, tail)) continue;
    const tasks = Math.min(free, Math.ceil(victim.unstarted / 2));
    victim.recallSentAt = now;
    crowd.moved(victim);
    free -= tasks;
    state.send(victim.connection, ['recall', tasks]);
  }
  // All were looked at, and will be again: 1,000 clients cost some 50 µs, so not in each turn.
  state.recallFrom = now + crowd.loaded.size / 100;
}

/** Whether some client with a free slot can hold this task. */
function idleFits(state: CoreState, { kind }: CoreTask): boolean {
  for (const client of state.leases.crowd.idlest()) if (client.fits(kind.demand, state.time.now)) return true;
  return false;
}

/** The task that a recall would give back first, as far as is known here. */
function lastUnstarted(client: CoreClient): CoreTask | null {
  let newest: Grant | null = null;
  for (const grant of client.grants.values()) if (newest === null || grant.id > newest.id) newest = grant;
  for (let place = (newest?.tasks.length ?? 0) - 1; place >= 0; place--) {
    const task = newest?.tasks[place];
    if (task?.state === taskState.leased) return task;
  }
  return null;
}

/** Its limit would keep it from everybody but its client. */
function chained({ kind }: CoreTask): boolean {
  return kind.units.some((unit) => unit.limit.concurrency !== null && unit.leases > unit.limit.concurrency);
}

function recallable(client: CoreClient, now: number): boolean {
  if (client.phase !== 'present' || client.recallSentAt >= 0 || client.free > 0 || client.unstarted <= 0) return false;
  if (now - client.recalledAt < worthRecalling) return false;
  takePace(client, now);
  return client.rate === 0 || (client.unstarted / client.rate) * 1000 > worthRecalling;
}

/** Whether a recall may become due although nothing happens (somebody idles, somebody has work in hand). */
export function recallMayCome(state: CoreState): boolean {
  const group = servedGroup(state);
  if (group === null || !state.window.exhausted(group)) return false;
  const { crowd } = state.leases;
  return crowd.idle > 0 && crowd.loaded.size > 0;
}

/** How often the pace of clients is taken (ms). */
const paceEvery = 200;

/** Update completions per second, weighted by time, so that bundles do not weigh by their number. */
export function takePace(client: CoreClient, now: number): void {
  const passed = now - client.pacedAt;
  if (passed < paceEvery) return;
  const rate = (client.completedSince / passed) * 1000;
  const weight = 1 - Math.exp(-passed / 1000);
  client.rate = client.rate === 0 ? rate : client.rate + (rate - client.rate) * weight;
  if (client.rate < 0.01) client.rate = 0;
  client.completedSince = 0;
  client.pacedAt = now;
}
