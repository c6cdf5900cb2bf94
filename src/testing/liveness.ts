/** Nothing waits without need: a ready task and an idle client that may run it do not stay apart for long, once the adversary is calm. */
import { storedState } from '../store/store.ts';
import { broken } from './broken.ts';
import type { ClientPart } from './client-part.ts';
import type { ServerPart } from './server-part.ts';
import type { World } from './world.ts';

/** Some round trips and commits of the slowest network and disk (ms). */
const patience = 2_000;

export class Liveness {
  readonly #world: World;
  readonly #server: ServerPart;
  readonly #clients: readonly ClientPart[];
  /** Since when a client and a task are apart, by both. */
  #since: Map<string, number> = new Map();

  constructor(world: World, server: ServerPart, clients: readonly ClientPart[]) {
    this.#world = world;
    this.#server = server;
    this.#clients = clients;
  }

  /** @throws BrokenPromise */
  look(): void {
    const before = this.#since;
    this.#since = new Map();
    const { life } = this.#server;
    if (life?.serves !== true || life.core.phase !== 'running' || this.#world.clock.now() < this.#server.weather.slowUntil) return;
    const idle = this.#clients.filter((client) => client.idle && client.shape.walltime === null);
    const ready = idle.length === 0 ? [] : this.#ready();
    const now = this.#world.clock.now();
    for (const { id } of idle) {
      for (const n of ready) {
        const pair = `${id} and task ${n}`;
        const since = before.get(pair) ?? now;
        if (now - since > patience) throw broken('prompt', `${pair} stayed apart for ${Math.round(now - since)} ms`);
        this.#since.set(pair, since);
      }
    }
  }

  /** Tasks that anybody may run, as the store has it: of the group that is served, bound to no limit. */
  #ready(): number[] {
    const { ledger, options } = this.#world;
    const { core } = this.#server;
    const named = ledger.rows.named;
    const group = ledger.lowestGroup;
    if (core !== null && !options.continueOnFailure && core.failedGroups.size > 0) return [];
    const ready: number[] = [];
    // Of tasks that run alone one at a time is enough.
    const oneIsOut = [...named].some((n) => ledger.runsAlone(n));
    for (const [n, task] of ledger.tasks) {
      if (oneIsOut && ledger.runsAlone(n)) continue;
      if (task.group !== group || ledger.ends.has(n) || named.has(n) || ledger.states.get(n) !== storedState.ready) continue;
      if (task.task[3]?.tags === undefined) ready.push(n);
    }
    return ready;
  }
}
