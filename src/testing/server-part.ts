/**
 * The address of a simulation's server, and the machines that may serve there, all on one store: when one server dies, whichever machine is first to get the lock of
 * the store takes over, after however long. A start while a server lives, though it be frozen, is refused and touches nothing.
 */
import { MillraceError } from '../base/errors.ts';
import type { ServerCore } from '../server/core/core.ts';
import type { CoreEvent } from '../server/core/events.ts';
import { broken } from './broken.ts';
import type { End, Link } from './network.ts';
import type { Weather } from './server-gate.ts';
import { type Peer, ServerLife } from './server-life.ts';
import { StoreLock } from './store-lock.ts';
import type { World } from './world.ts';

/** Machines on which a server may be started. */
export const machines = ['machine-a', 'machine-b'] as const;

export class ServerPart {
  readonly weather: Weather = { crashNext: null, slowUntil: 0, fullUntil: 0 };
  readonly #world: World;
  readonly #lock: StoreLock = new StoreLock();
  readonly #mayEnd: () => boolean;
  #life: ServerLife | null = null;
  /** Of lives that are over. */
  #refused = 0;
  #last!: ServerCore;
  lives = 0;
  /** Somebody keeps the run open until all submitters have come: else the first that is done would end it. */
  #keptOpen = false;

  /** `mayEnd`: nobody will submit any more, so that a server that is started again may end by itself. */
  constructor(world: World, mayEnd: () => boolean) {
    this.#world = world;
    this.#mayEnd = mayEnd;
    this.start(machines[0], false);
  }

  /** The living server; null: there is none. */
  get life(): ServerLife | null {
    return this.#life;
  }

  get core(): ServerCore | null {
    return this.#life?.core ?? null;
  }

  /** The core of the server that lives, or lived last. */
  get lastCore(): ServerCore {
    return this.#last;
  }

  /** A machine answers at the address. */
  get up(): boolean {
    return this.#life !== null;
  }

  get finished(): boolean {
    return this.#life?.finished ?? false;
  }

  /** Late results that were refused, over all lives. */
  get refused(): number {
    return this.#refused + this.#last.counts.refused;
  }

  /** Somebody starts a server there; false: another one lives. */
  start(machine: string, restartMode: boolean): boolean {
    const { tell, count } = this.#world;
    const former = this.#life;
    try {
      const life: ServerLife = new ServerLife(this.#world, {
        machine,
        number: this.lives + 1,
        restartMode,
        weather: this.weather,
        lock: this.#lock,
        died: () => {
          if (this.#life === life) this.#died();
        },
      });
      this.#life = life;
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.code !== 'ERR_DATABASE_IN_USE') throw thrown;
      if (this.#life === null) throw broken('locked', 'a dead server keeps its store');
      count('second server refused');
      tell(`a server on ${machine} is refused: the store is in use`);
      return false;
    }
    if (former !== null) this.#refused += former.core.counts.refused;
    this.lives++;
    this.#last = this.#life.core;
    this.#keptOpen = !restartMode;
    if (this.#keptOpen) this.feed({ type: 'submitter-open', connection: 'keeper', submitter: 'keeper' });
    return true;
  }

  /** All submitters are done, or will never come again. */
  release(): void {
    if (!this.#keptOpen || !this.up) return;
    this.#keptOpen = false;
    this.feed({ type: 'submitter-done', connection: 'keeper', submitter: 'keeper' });
  }

  /** Another one may start now, though this one lives. */
  loseLock(): void {
    this.#lock.lose();
  }

  crash(why: string): void {
    this.#life?.crash(why);
  }

  /** Dial: null, nobody answers. */
  connect(part: string, role: Peer['role'], end: End, event: ((connection: string) => CoreEvent) | null): Link | null {
    const life = this.#life;
    if (life === null) return null;
    const link = this.#world.network.connect(part, end, life);
    life.accept(link, role, part, event?.(link.id) ?? null);
    return link;
  }

  /** Its host says it, or whoever keeps the run open. */
  feed(event: CoreEvent): void {
    const life = this.#life;
    life?.process.run(() => life.feed(event));
  }

  afterCommit(call: () => void): void {
    this.#life?.afterCommit(call);
  }

  #died(): void {
    const { clock, count } = this.#world;
    const former = this.#life!.machine;
    this.#refused += this.#last.counts.refused;
    this.#life = null;
    const random = this.#world.chance(`after life ${this.lives}`);
    for (const machine of machines) {
      clock.after(random.between(1, 3_000), () => {
        // Who restarts a server tells it to end by itself only when nobody will submit any more.
        if (!this.start(machine, this.#mayEnd())) return;
        if (machine !== former) count('standby took over');
      });
    }
  }
}
