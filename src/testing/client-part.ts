/** A client of a simulation: its core, an executor, and a connection that comes back after a back-off. */
import { ClientCore } from '../client/core/core.ts';
import type { ClientEvent, ClientOptions } from '../client/core/events.ts';
import type { Message } from '../protocol/messages.ts';
import { ExecutorPart } from './executor-part.ts';
import type { End, Link } from './network.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';
import type { ServerPart } from './server-part.ts';
import { mostMemory } from './workload.ts';
import type { World } from './world.ts';

/** ms: a server that took the connection and says nothing is given up. */
const greetingTimeout = 5_000;

export interface ClientShape {
  readonly slots: number;
  readonly cores: number;
  /** Durations are multiplied by it. */
  readonly speed: number;
  /** For so long after its start it runs tasks (ms); null: for ever. */
  readonly walltime: number | null;
}

export class ClientPart implements End {
  readonly id: string;
  readonly shape: ClientShape;
  readonly process: Process;
  readonly #world: World;
  readonly #server: ServerPart;
  readonly #random: Random;
  readonly #core: ClientCore;
  readonly #executor: ExecutorPart;
  readonly #stopAt: number | null;
  #link: Link | null = null;
  #scheduled = false;
  #wake: (() => void) | null = null;
  #stalls = 0;
  #lastTurn = -1;
  ended = false;
  /** It was told to stop what runs. */
  stopped = false;

  constructor(world: World, server: ServerPart, id: string, shape: ClientShape) {
    this.#world = world;
    this.#server = server;
    this.id = id;
    this.shape = shape;
    this.#random = world.chance(id);
    this.process = new Process(world.clock);
    const now = world.clock.now();
    this.#stopAt = shape.walltime === null ? null : now + shape.walltime;
    this.#core = new ClientCore(clientOptions(shape, this.#stopAt), now);
    this.#executor = new ExecutorPart(world, this.process, id, shape, {
      ended: (slot, ends, idle) => this.feed({ type: 'ended', slot, ends, idle }),
      died: () => this.crash('of a deadly task'),
    });
    this.#retry(0);
    this.process.after(world.heartrate, () => this.#beat());
  }

  get link(): Link | null {
    return this.#link;
  }

  /** Connected for good, with nothing to do and every slot free. */
  get idle(): boolean {
    const { link, mode, held } = this.#core;
    return this.process.alive && !this.process.frozen && link === 'online' && mode === 'working' && held.empty && this.#executor.idle;
  }

  crash(why: string): void {
    if (!this.process.alive) return;
    this.#world.tell(`${this.id} crashes ${why}`);
    this.#world.count('client crash');
    this.#world.ledger.goneClients.add(this.id);
    this.process.kill();
    this.#link?.drop('up');
    this.#link = null;
  }

  receive(link: Link, message: Message): void {
    this.process.run(() => {
      if (link !== this.#link) return;
      if (message[0] === 'heartbeat') this.feed({ type: 'contact' });
      else if (message[0] === 'welcome')
        this.feed({ type: 'connected', evictAfter: message[1].evictAfter, limits: message[1].limits ?? [] });
      else this.feed({ type: 'message', message });
    });
  }

  closed(link: Link): void {
    this.process.run(() => {
      if (link !== this.#link) return;
      link.close('up');
      this.#offline();
    });
  }

  feed(event: ClientEvent): void {
    if (this.ended) return;
    this.#core.handle(event, this.#world.clock.now());
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.process.after(0, () => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.ended) return;
    const { clock } = this.#world;
    const now = clock.now();
    this.#stalls = now === this.#lastTurn ? this.#stalls + 1 : 0;
    this.#lastTurn = now;
    if (this.#stalls > 1_000) throw new Error(`${this.id} turns without time passing`);
    if (this.#timeOver) this.#executor.abandon();
    for (const effect of this.#core.endTurn(now)) {
      if (this.#world.crashesHere('client')) this.crash('at an effect');
      if (!this.process.alive) return;
      if (effect.type === 'send') this.#link?.send('up', effect.message);
      else if (effect.type === 'start') this.#executor.start(effect.slot, effect.tasks);
      else if (effect.type === 'signal') this.#executor.signal(effect.slot, effect.signal, effect.key);
      else if (effect.type === 'relieve') this.#executor.relieve(effect.slot);
      else if (effect.type === 'reconnect') this.#reconnect();
      else this.#end();
    }
    this.#wake?.();
    const at = this.#core.wakeAt(now);
    this.#wake = at === null || this.ended ? null : this.process.after(Math.max(0, at - now), () => this.feed({ type: 'tick' }));
  }

  get #timeOver(): boolean {
    return this.#stopAt !== null && this.#world.clock.now() >= this.#stopAt;
  }

  #reconnect(): void {
    this.#world.tell(`${this.id} has heard nothing for too long`);
    this.#link?.close('up');
    this.#offline();
  }

  #giveUp(link: Link): void {
    if (link !== this.#link || this.#core.link !== 'offline') return;
    link.close('up');
    this.#offline();
  }

  #offline(): void {
    this.#link = null;
    this.feed({ type: 'disconnected' });
    this.#retry(this.#random.next() ** 3 * 1_000);
  }

  #retry(wait: number): void {
    this.process.after(wait, () => {
      if (this.ended || this.#link !== null) return;
      const { network } = this.#world;
      if (!this.#server.up || !network.reachable(this.id)) {
        this.#retry(50 + this.#random.next() * 1_000);
        return;
      }
      const { slots, cores } = this.shape;
      const walltime = this.#stopAt === null ? {} : { walltime: Math.max(0, this.#stopAt - this.#world.clock.now()) };
      const capacity = { slots, cores, memory: mostMemory, resources: {}, tags: {}, ...walltime };
      const link = this.#server.connect(this.id, 'client', this, (connection) => ({
        type: 'client-connected',
        connection,
        id: this.id,
        host: 'host',
        capacity,
      }));
      this.#link = link;
      if (link !== null) this.process.after(greetingTimeout, () => this.#giveUp(link));
    });
  }

  #beat(): void {
    if (this.ended) return;
    this.#link?.send('up', ['heartbeat']);
    this.process.after(this.#world.heartrate, () => this.#beat());
  }

  #end(): void {
    this.ended = true;
    this.#world.tell(`${this.id} ends`);
    if (this.#timeOver) this.#world.count('client out of time');
    // Told to stop while it has no connection, or out of time, it leaves with results that nobody got.
    if (this.stopped || (this.#timeOver && this.#link === null)) this.#world.ledger.goneClients.add(this.id);
    else this.#world.ledger.left(this.id);
    this.#link?.close('up');
    this.process.kill();
  }
}

function clientOptions(shape: ClientShape, stopAt: number | null): ClientOptions {
  return {
    slots: shape.slots,
    cores: shape.cores,
    memory: mostMemory,
    resources: {},
    prefetch: 1_000,
    taskTimeout: null,
    signalwait: 300,
    stopAt,
    clientTimeout: null,
    ratelimit: null,
    noConfirm: false,
    bundlesize: 10,
    bundlewait: 20,
  };
}
