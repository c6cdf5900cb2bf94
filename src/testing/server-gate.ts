/**
 * The output gate of a simulated server: a turn of its core is committed after a random delay, and only then its messages leave, each on the connection
 * that it was made for. Some stores take the next commit while one is under way; they are made in order. A commit that fails keeps its turn and is tried again,
 * and meanwhile nothing is read from anybody. The server may crash before a commit, after it, or between two sends.
 */
import type { MillraceError } from '../base/errors.ts';
import type { Message } from '../protocol/messages.ts';
import type { ServerCore } from '../server/core/core.ts';
import type { Instant } from '../server/core/entities.ts';
import type { Turn } from '../server/core/events.ts';
import { leasesOf } from './grant-rows.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export type CrashPoint = 'before' | 'after' | 'between';

/** What happens to the machine of whichever server runs now; set by the adversary. */
export interface Weather {
  /** Armed: the next commit ends so. */
  crashNext: CrashPoint | null;
  /** Commits are slow until then. */
  slowUntil: number;
  /** Commits fail until then. */
  fullUntil: number;
}

export interface GateHandlers {
  time(): Instant;
  /** Nobody took the store after it. */
  owns(): boolean;
  send(connection: string, message: Message): void;
  cut(connection: string, error: MillraceError): void;
  /** Read from nobody; or again from everybody. */
  stalled(wanted: boolean): void;
  crash(why: string): void;
  /** Everything of a turn has left: what the store is asked, how the run ended, when to wake. */
  left(turn: Turn): void;
}

/** ms: a commit that failed is tried again after it, doubling up to the other. */
const firstRetry = 100;
const longestRetry = 5_000;

/** A turn on its way to the store. */
interface Flight {
  readonly turn: Turn;
  readonly leases: ReturnType<typeof leasesOf>;
  readonly done: readonly (() => void)[];
  /** It has got there. */
  there: boolean;
}

export class ServerGate {
  readonly #world: World;
  readonly #process: Process;
  readonly #core: ServerCore;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #handlers: GateHandlers;
  readonly #flights: Flight[] = [];
  readonly #commitsAtOnce: number;
  #scheduled = false;
  #dirty = false;
  #retry = firstRetry;
  #afterCommit: (() => void)[] = [];

  constructor(
    world: World,
    process: Process,
    core: ServerCore,
    random: Random,
    weather: Weather,
    commitsAtOnce: number,
    handlers: GateHandlers,
  ) {
    this.#world = world;
    this.#process = process;
    this.#core = core;
    this.#random = random;
    this.#weather = weather;
    this.#commitsAtOnce = commitsAtOnce;
    this.#handlers = handlers;
  }

  /** Something was fed. */
  changed(): void {
    this.#dirty = true;
    this.#schedule();
  }

  /** Do it right after the commit of what was fed until now. */
  afterCommit(call: () => void): void {
    this.#afterCommit.push(call);
  }

  #schedule(): void {
    if (this.#scheduled || !this.#mayStart()) return;
    this.#scheduled = true;
    this.#process.after(this.#random.chance(0.3) ? this.#random.next() * 5 : 0, () => {
      this.#scheduled = false;
      if (this.#mayStart()) this.#turn();
    });
  }

  /** What the store is asked after a turn it is asked before the next. */
  #mayStart(): boolean {
    const { length } = this.#flights;
    if (length === 0) return true;
    if (length >= this.#commitsAtOnce || this.#retry !== firstRetry) return false;
    return this.#flights.every(({ turn: { refills, lookups, finish } }) => refills.length + lookups.length === 0 && finish === null);
  }

  #turn(): void {
    this.#dirty = false;
    const core = this.#core;
    const turn = core.endTurn(this.#handlers.time());
    core.check();
    this.#world.ledger.watchMemory(core);
    const done = this.#afterCommit;
    this.#afterCommit = [];
    if (turn.writes === null && this.#flights.length === 0) {
      if (!this.#sendAll(turn)) return;
      this.#leave(turn, done);
      return;
    }
    if (this.#world.mutation === 'sends-before-commit')
      for (const { connection, message } of turn.sends) this.#handlers.send(connection, message);
    const flight: Flight = { turn, leases: leasesOf(core), done, there: false };
    this.#flights.push(flight);
    this.#process.after(this.#latency(), () => {
      flight.there = true;
      this.#commitAll();
    });
    if (this.#dirty) this.#schedule();
  }

  /** In order. */
  #commitAll(): void {
    while (this.#flights[0]?.there === true) if (!this.#commit(this.#flights[0])) return;
  }

  #latency(): number {
    if (this.#world.simple.has('prompt disk')) return 1;
    return this.#world.clock.now() < this.#weather.slowUntil ? this.#random.next() * 800 : this.#random.next() ** 4 * 40;
  }

  /** False: it failed, or the server is gone. */
  #commit({ turn, leases, done }: Flight): boolean {
    const { store, ledger, count, mutation, clock } = this.#world;
    const { crash } = this.#handlers;
    const { writes } = turn;
    if (!this.#handlers.owns()) {
      count('commit refused by its epoch');
      crash('since another server has its store');
      return false;
    }
    const point = this.#weather.crashNext;
    if (point === 'before' || this.#world.crashesHere('server')) {
      count('server crash before a commit');
      crash('before a commit');
      return false;
    }
    const full = clock.now() < this.#weather.fullUntil;
    if (full || (!this.#world.simple.has('prompt disk') && this.#random.chance(0.01))) {
      count('commit failed');
      this.#handlers.stalled(true);
      // Those behind it are refused with it.
      for (const flight of this.#flights) flight.there = false;
      this.#process.after(this.#retry, () => {
        for (const flight of this.#flights) flight.there = true;
        this.#commitAll();
      });
      this.#retry = Math.min(longestRetry, this.#retry * 2);
      return false;
    }
    if (writes !== null) void store.commit(mutation === 'grants-not-persisted' ? { ...writes, grants: [] } : writes);
    for (const call of done) call();
    if (writes !== null) ledger.committed(writes, leases);
    if (point === 'after' || this.#world.crashesHere('server')) {
      count('server crash after a commit');
      crash('after a commit');
      return false;
    }
    const between = point === 'between' && turn.sends.length > 1;
    if (between) turn.sends.splice(this.#random.below(turn.sends.length - 1) + 1);
    if (!this.#sendAll(turn)) return false;
    if (between) {
      count('server crash between sends');
      crash('between sends');
      return false;
    }
    const stalled = this.#retry !== firstRetry;
    this.#retry = firstRetry;
    this.#flights.shift();
    if (stalled) this.#handlers.stalled(false);
    this.#leave(turn, []);
    return true;
  }

  /** False: it crashed in between. */
  #sendAll({ sends, writes }: Turn): boolean {
    const said = this.#world.mutation === 'sends-before-commit' && writes !== null;
    for (const { connection, message } of sends) {
      if (this.#world.crashesHere('server')) {
        this.#world.count('server crash between sends');
        this.#handlers.crash('between sends');
        return false;
      }
      if (!said) this.#handlers.send(connection, message);
    }
    return true;
  }

  #leave(turn: Turn, done: readonly (() => void)[]): void {
    for (const { connection, error } of turn.cut) this.#handlers.cut(connection, error);
    this.#handlers.left(turn);
    for (const call of done) call();
    if (this.#dirty) this.#schedule();
  }
}
