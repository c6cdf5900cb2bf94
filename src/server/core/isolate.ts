/**
 * Suspects run alone: each on a client that holds nothing, which gets nothing more until it has ended. Where no client is empty one is emptied: it
 * gives back what it has not begun, and is granted nothing while the rest ends. A quarter of the clients, and at least one, are kept so.
 */
import { taskState } from '../../task/state.ts';
import type { CoreClient, CoreTask } from './entities.ts';
import { send } from './grant.ts';
import type { CoreState } from './state.ts';
import type { Emptied } from './suspects.ts';

/** Of so many clients one is kept for suspects. */
const clientsForOne = 4;

/** After a restart: a client with a single task that is a suspect was kept for it. */
export function recognize(state: CoreState, client: CoreClient): void {
  if (client.leased !== 1) return;
  for (const { tasks } of client.grants.values())
    for (const task of tasks) if (task !== null && state.window.suspects.suspects(task)) client.keptFor = task;
}

/** Give up emptying a client whose task is not to be had any more, or that has gone. */
export function checkEmptied(state: CoreState): void {
  const { suspects } = state.window;
  if (suspects.emptied === null) return;
  const { client, task } = suspects.emptied;
  const stands = client.phase === 'present' && task.state === taskState.ready && suspects.has(task);
  if (!stands || !client.fits(task.kind.demand, state.time.now)) letGo(state, suspects.emptied);
}

/** A client is not emptied any more. */
function letGo(state: CoreState, { client, task }: Emptied): void {
  if (task.kind.units.length > 0) {
    state.limits.refund(task.kind);
    state.limits.release(task.kind, client);
  }
  state.window.suspects.emptied = null;
  client.keptFor = null;
  state.leases.crowd.moved(client);
}

/** Give suspects of the group to clients that hold nothing; for the first that nobody can be given, one is emptied. */
export function isolate(state: CoreState, group: number): void {
  const { suspects } = state.window;
  if (suspects.size === 0) return;
  const { now } = state.time;
  const clients = [...state.leases.clients.values()].filter(({ phase }) => phase === 'present');
  let kept = clients.reduce((count, { keptFor }) => count + (keptFor === null ? 0 : 1), 0);
  const most = Math.max(1, Math.floor(clients.length / clientsForOne));
  for (const client of clients) {
    if (client.leased > 0 || client.sent >= client.wanted) continue;
    if (client.keptFor !== null) {
      if (client.keptFor.group === group) give(state, client, client.keptFor);
      continue;
    }
    const { emptied } = suspects;
    let task: CoreTask | null = null;
    if (emptied !== null && emptied.client.leased > 0 && emptied.task.group === group && client.fits(emptied.task.kind.demand, now)) {
      // Sooner than the one that is being emptied for it.
      task = emptied.task;
      letGo(state, emptied);
    } else if (kept < most) {
      task = suspectFor(state, group, client);
      if (task !== null) kept++;
    }
    if (task === null) continue;
    keep(state, client, task);
    give(state, client, task);
  }
  if (suspects.emptied === null && kept < most) empty(state, group, clients);
}

function suspectFor(state: CoreState, group: number, client: CoreClient): CoreTask | null {
  const { suspects } = state.window;
  for (const task of suspects) {
    if (task.group !== group || task === suspects.emptied?.task) continue;
    if (isOpen(state, task) && client.fits(task.kind.demand, state.time.now)) return task;
  }
  return null;
}

/** Whether no limit stops it now. */
function isOpen(state: CoreState, task: CoreTask): boolean {
  const { now } = state.time;
  // Kinds of which the window holds nothing may have been forgotten meanwhile.
  task.kind = state.limits.kindOf(task.attributes, now);
  return state.limits.stops(task.kind, now) === null;
}

/** What it shares with others is leased at once: else they would take it each time, and it would never run. */
function keep(state: CoreState, client: CoreClient, task: CoreTask): void {
  client.keptFor = task;
  if (task.kind.units.length > 0) state.limits.lease(task.kind, client, state.time.now);
}

function give(state: CoreState, client: CoreClient, task: CoreTask): void {
  const { suspects } = state.window;
  suspects.remove(task);
  if (suspects.emptied?.client === client) suspects.emptied = null;
  send(state, client, [task]);
}

/** For the first suspect that no limit stops: the client that holds least of those that can hold it. */
function empty(state: CoreState, group: number, clients: readonly CoreClient[]): void {
  const { now } = state.time;
  for (const task of state.window.suspects) {
    if (task.group !== group || !isOpen(state, task)) continue;
    let least: CoreClient | null = null;
    for (const client of clients) {
      if (client.keptFor !== null || client.leased === 0 || !client.fits(task.kind.demand, now)) continue;
      if (least === null || client.leased < least.leased) least = client;
    }
    if (least === null) continue;
    keep(state, least, task);
    state.window.suspects.emptied = { client: least, task };
    state.leases.crowd.moved(least);
    if (least.unstarted === 0 || least.recallSentAt >= 0) return;
    least.recallSentAt = now;
    state.send(least.connection, ['recall', least.unstarted]);
    return;
  }
}
