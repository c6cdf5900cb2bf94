/**
 * One server process of a simulation: its core behind an honest output gate, on a machine with a clock of its own, from its start, for which it has the lock of
 * the store, until it crashes or has finished.
 *
 * It *runs*, or is *frozen*: then what comes waits in its sockets, and when it thaws the timers that are due come first, as in an event loop. While its
 * commits fail it is *stalled*: it reads from nobody.
 */

import { MillraceError } from '../base/errors.ts';
import type { Message, End as MessageEnd } from '../protocol/messages.ts';
import { ServerCore } from '../server/core/core.ts';
import type { Instant } from '../server/core/entities.ts';
import type { CoreEvent, Turn } from '../server/core/events.ts';
import { strictFence } from '../server/core/fence.ts';
import { chainLimits } from '../server/core/limits.ts';
import { watchEvictions } from './evictions.ts';
import { Hearing } from './hearing.ts';
import type { End, Link } from './network.ts';
import { Process } from './process.ts';
import { eventOf, takenBack } from './server-events.ts';
import { ServerGate, type Weather } from './server-gate.ts';
import type { StoreLock } from './store-lock.ts';
import { Wake } from './wake.ts';
import type { World } from './world.ts';

export interface Peer {
  readonly link: Link;
  /** The client's or submitter's id. */
  readonly id: string;
  readonly role: 'client' | 'submitter';
  lastReceived: number;
}

export interface LifeOptions {
  readonly machine: string;
  readonly number: number;
  readonly restartMode: boolean;
  readonly weather: Weather;
  readonly lock: StoreLock;
  /** It is gone. */
  died(): void;
}

export class ServerLife implements End {
  readonly process: Process;
  readonly core: ServerCore;
  readonly machine: string;
  readonly #world: World;
  readonly #options: LifeOptions;
  readonly #gate: ServerGate;
  readonly #peers: Map<string, Peer> = new Map();
  /** Connections that its machine took, also those that it has not looked at yet. */
  readonly #links: Set<Link> = new Set();
  readonly #hearing: Hearing;
  readonly #wake: Wake;
  #unread: (() => void)[] | null = null;
  #stalledSince: number | null = null;
  /** How the run ended; null: it has not. */
  reason: MessageEnd[1] | null = null;

  /** @throws ERR_DATABASE_IN_USE Another server lives: nothing was touched. */
  constructor(world: World, options: LifeOptions) {
    const { mutation, tell, clock } = world;
    this.#world = world;
    this.#options = options;
    this.machine = options.machine;
    this.process = new Process(clock);
    this.#hearing = new Hearing(clock);
    this.#wake = new Wake(clock, this.process, () => this.feed({ type: 'tick' }));
    options.lock.take(this.process);
    const recovery = world.openStore().recover();
    if (recovery instanceof Promise) throw new Error('a simulation needs a store that answers at once');
    world.ledger.recovered(recovery);
    // The mutation: a result counts for whoever has the task now.
    const fence = mutation === 'no-fence' ? () => true : strictFence;
    this.core = new ServerCore({ ...world.options, restartMode: options.restartMode }, recovery, this.#time(), fence);
    this.core.check();
    tell(
      `server ${options.number} starts on ${options.machine}, epoch ${recovery.epoch}: ${recovery.ready} ready, ${recovery.waiting.length} waiting, ${recovery.grants.length} grants`,
    );
    const commitsAtOnce = world.chance(`commits of server ${options.number}`).chance(0.5) ? 2 : 1;
    this.#gate = new ServerGate(world, this.process, this.core, world.chance(`server ${options.number}`), options.weather, commitsAtOnce, {
      time: () => this.#time(),
      owns: () => this.#owns,
      send: (connection, message) => this.#send(connection, message),
      cut: (connection, error) => this.#cut(connection, error),
      stalled: (wanted) => this.#stall(wanted),
      crash: (why) => this.crash(why),
      left: (turn) => this.#left(turn),
    });
    this.process.after(0, () => this.#beat());
    this.#gate.changed();
  }

  get finished(): boolean {
    return this.reason !== null;
  }

  /** It reads, and nothing that its user or its disk did holds it up. */
  get serves(): boolean {
    return this.process.alive && !this.process.frozen && this.#unread === null && !this.finished && this.core.holds().length === 0;
  }

  crash(why: string): void {
    if (!this.process.alive) return;
    this.#world.tell(`server ${this.#options.number} crashes ${why}`);
    this.process.kill();
    this.#wake.set(null);
    this.#options.weather.crashNext = null;
    for (const link of this.#links) link.drop('down');
    this.#links.clear();
    this.#peers.clear();
    this.#options.died();
  }

  accept(link: Link, role: Peer['role'], id: string, event: CoreEvent | null): void {
    this.#links.add(link);
    this.process.run(() => {
      this.#peers.set(link.id, { link, id, role, lastReceived: this.#world.clock.now() });
      if (this.reason !== null) {
        this.#sayEnd(link, this.reason);
        return;
      }
      const { heartrate, options } = this.#world;
      const { evictAfter, limits } = options;
      const welcome = { id: 'server', host: this.machine, epoch: this.#options.number, salt: '0', heartrate, evictAfter };
      link.send('down', ['welcome', { ...welcome, ...chainLimits(limits) }]);
      if (event !== null) this.feed(event);
    });
  }

  receive(link: Link, message: Message): void {
    this.process.run(() =>
      this.#read(() => {
        const peer = this.#peers.get(link.id);
        if (peer === undefined) return;
        peer.lastReceived = this.#world.clock.now();
        this.#hearing.heard(peer.id);
        if (!this.#world.network.isNewest(link) && message[0] !== 'heartbeat') this.#world.count('old connection spoke late');
        const event = eventOf(this.#world.store, link.id, message);
        if (event !== null && !this.finished) this.feed(event);
      }),
    );
  }

  closed(link: Link): void {
    this.process.run(() =>
      this.#read(() => {
        this.#links.delete(link);
        const peer = this.#peers.get(link.id);
        if (peer === undefined) return;
        this.#peers.delete(link.id);
        if (this.#world.network.isNewest(link)) this.#hearing.closed(peer.id);
        link.close('down');
        this.feed({ type: 'disconnected', connection: link.id });
      }),
    );
  }

  /** An event that nobody sent: a change, a hold, the keeper of the run. */
  feed(event: CoreEvent): void {
    if (!this.process.alive) return;
    const still = this.#wake.standstill();
    try {
      if (still > 0) this.core.handle({ type: 'deaf', ms: still }, this.#time());
      this.#handle(event);
    } catch (thrown) {
      // What it has in mind and what it reads in a store that is another server's need not agree: it fails, and that is well.
      if (this.#owns) throw thrown;
      this.crash('since its store is another server’s');
    }
  }

  /** Do it right after the commit of what was fed until now. */
  afterCommit(call: () => void): void {
    this.#gate.afterCommit(call);
  }

  #handle(event: CoreEvent): void {
    const evicted = event.type === 'tick' && this.#owns ? watchEvictions(this.core, this.#hearing, this.#world) : null;
    this.core.handle(event, this.#time());
    // Heartbeats are a third of all events, and touch no index.
    if (event.type !== 'contact') this.core.check();
    evicted?.();
    this.#gate.changed();
  }

  get #owns(): boolean {
    return this.#options.lock.isLast(this.process);
  }

  #read(call: () => void): void {
    if (this.#unread !== null) this.#unread.push(call);
    else call();
  }

  freeze(): void {
    this.#hearing.deaf(true);
    this.process.freeze();
  }

  thaw(): void {
    if (this.#unread === null) this.#hearing.deaf(false);
    this.process.thaw();
  }

  #stall(wanted: boolean): void {
    if (wanted) {
      this.#hearing.deaf(true);
      this.#stalledSince ??= this.#world.clock.now();
      this.#unread ??= [];
      return;
    }
    if (this.#stalledSince === null) return;
    this.#hearing.deaf(false);
    this.feed({ type: 'deaf', ms: this.#world.clock.now() - this.#stalledSince });
    this.#stalledSince = null;
    // What waited in the sockets is read after the timers that are due.
    this.process.after(0, () => {
      const unread = this.#unread ?? [];
      if (this.#stalledSince !== null) return;
      this.#unread = null;
      for (const call of unread) if (this.process.alive) call();
    });
  }

  #cut(connection: string, error: MillraceError): void {
    const peer = this.#peers.get(connection);
    this.#world.tell(`server cuts ${connection}: ${error.message}`);
    if (error.code === 'ERR_PROTOCOL' && !error.message.startsWith('a recall'))
      throw new MillraceError('ERR_PROTOCOL', `${connection}: ${error.message}`);
    this.#peers.delete(connection);
    if (peer !== undefined) this.#hearing.closed(peer.id);
    if (peer !== undefined) this.#links.delete(peer.link);
    peer?.link.close('down');
    this.feed({ type: 'disconnected', connection });
  }

  #left(turn: Turn): void {
    const { store } = this.#world;
    for (const question of turn.refills) {
      const rows = store.ready(question.after, question.limit, question.lanes ?? undefined);
      if (!(rows instanceof Promise)) this.feed({ type: 'refilled', question, rows });
    }
    if (turn.lookups.length > 0) {
      const outcomes = store.outcomes(turn.lookups);
      if (!(outcomes instanceof Promise)) this.feed({ type: 'parents', outcomes });
    }
    if (turn.finish !== null && this.reason === null) {
      this.reason = turn.finish.reason;
      this.#world.tell(`the run ends: ${turn.finish.reason}`);
      for (const { link } of [...this.#peers.values()]) this.#sayEnd(link, this.reason);
    }
    this.#wake.set(this.finished ? null : this.core.wakeAt());
  }

  #sayEnd(link: Link, reason: MessageEnd[1]): void {
    link.send('down', ['end', reason]);
    link.close('down');
    this.#peers.delete(link.id);
  }

  #send(connection: string, message: Message): void {
    let peer = this.#peers.get(connection);
    if (peer === undefined && this.#world.mutation === 'outputs-not-bound') {
      const name = connection.split('#')[0];
      peer = [...this.#peers.values()].find(({ id }) => id === name);
    }
    if (message[0] === 'recall') this.#world.count('recall');
    peer?.link.send('down', message);
    if (message[0] === 'recall' && this.#world.mutation === 'one-phase-recall') this.feed(takenBack(this.core, connection, message[1]));
  }

  #beat(): void {
    const { clock, heartrate, options } = this.#world;
    for (const peer of [...this.#peers.values()]) {
      peer.link.send('down', ['heartbeat']);
      if (peer.role !== 'submitter' || clock.now() - peer.lastReceived < options.evictAfter) continue;
      peer.link.close('down');
      this.#links.delete(peer.link);
      this.closed(peer.link);
    }
    this.process.after(heartrate, () => this.#beat());
  }

  #time(): Instant {
    return { now: this.#world.clock.now(), wall: this.#world.wall(this.machine) };
  }
}
