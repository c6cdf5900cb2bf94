/**
 * The server of a simulation: its core behind an honest output gate. Events → `handle`; a turn is committed after a random delay, and
 * only then its messages leave, each on the connection that it was made for. It may crash before the commit, after it, or between two sends.
 */
import { MillraceError } from '../base/errors.ts';
import type { Message, End as MessageEnd } from '../protocol/messages.ts';
import { ServerCore } from '../server/core/core.ts';
import type { CoreEvent, Turn } from '../server/core/events.ts';
import { strictFence } from '../server/core/fence.ts';
import { chainLimits } from '../server/core/limits.ts';
import { taskState } from '../task/state.ts';
import { watchEvictions } from './evictions.ts';
import type { End, Link } from './network.ts';
import { eventOf } from './server-events.ts';
import { Process, type World } from './world.ts';

export type CrashPoint = 'before' | 'after' | 'between';

interface Peer {
  readonly link: Link;
  /** The client's or submitter's id. */
  readonly id: string;
  readonly role: 'client' | 'submitter';
  lastReceived: number;
}

export class ServerPart implements End {
  readonly #world: World;
  #process: Process;
  #core: ServerCore | null = null;
  readonly #peers: Map<string, Peer> = new Map();
  #underWay = false;
  #scheduled = false;
  #dirty = false;
  #wake: (() => void) | null = null;
  #afterCommit: (() => void)[] = [];
  /** Armed by the adversary: the next commit ends so. */
  crashNext: CrashPoint | null = null;
  finished = false;
  /** How the run ended; null: it has not. */
  reason: MessageEnd[1] | null = null;
  /** Commits are slow until then. */
  slowUntil = 0;
  lives = 0;
  /** Somebody keeps the run open until all submitters have come: else the first that is done would end it. */
  keptOpen = false;

  constructor(world: World) {
    this.#world = world;
    this.#process = new Process(world);
  }

  get core(): ServerCore | null {
    return this.#core;
  }

  get up(): boolean {
    return this.#core !== null;
  }

  boot(restartMode: boolean): void {
    const { store, options, mutation, tell } = this.#world;
    const recovery = store.recover();
    if (recovery instanceof Promise) throw new Error('a simulation needs a store that answers at once');
    this.#process = new Process(this.#world);
    this.lives++;
    // The mutation: a result counts for whoever has the task now.
    const fence = mutation === 'no-fence' ? () => true : strictFence;
    this.#core = new ServerCore({ ...options, restartMode }, recovery, this.#time(), fence);
    this.#core.check();
    tell(
      `server starts, epoch ${recovery.epoch}: ${recovery.ready} ready, ${recovery.waiting.length} waiting, ${recovery.grants.length} grants`,
    );
    this.#underWay = false;
    this.#scheduled = false;
    this.#process.after(0, () => this.#beat());
    this.keptOpen = !restartMode;
    if (this.keptOpen) this.feed({ type: 'submitter-open', connection: 'keeper', submitter: 'keeper' });
    this.#schedule();
  }

  /** All submitters are done, or will never come again. */
  release(): void {
    if (!this.keptOpen) return;
    this.keptOpen = false;
    this.feed({ type: 'submitter-done', connection: 'keeper', submitter: 'keeper' });
  }

  crash(why: string): void {
    if (this.#core === null) return;
    this.#world.tell(`server crashes ${why}`);
    this.#process.kill();
    this.#core = null;
    this.#wake?.();
    this.crashNext = null;
    this.#afterCommit = [];
    for (const { link } of this.#peers.values()) link.drop('down');
    this.#peers.clear();
  }

  accept(link: Link, role: Peer['role'], id: string, event: CoreEvent | null): void {
    this.#process.run(() => {
      this.#peers.set(link.id, { link, id, role, lastReceived: this.#world.clock.now() });
      if (this.finished) {
        link.send('down', ['end', 'complete']);
        return;
      }
      link.send('down', [
        'welcome',
        {
          id: 'server',
          host: 'server',
          epoch: 1,
          salt: '0',
          heartrate: this.#world.heartrate,
          evictAfter: this.#world.options.evictAfter,
          ...chainLimits(this.#world.options.limits),
        },
      ]);
      if (event !== null) this.feed(event);
    });
  }

  receive(link: Link, message: Message): void {
    this.#process.run(() => {
      const peer = this.#peers.get(link.id);
      if (peer === undefined) return;
      peer.lastReceived = this.#world.clock.now();
      const event = eventOf(this.#world.store, link.id, message);
      if (event !== null && !this.finished) this.feed(event);
    });
  }

  closed(link: Link): void {
    this.#process.run(() => {
      if (!this.#peers.delete(link.id)) return;
      link.close('down');
      this.feed({ type: 'disconnected', connection: link.id });
    });
  }

  feed(event: CoreEvent): void {
    const core = this.#core;
    if (core === null) return;
    const evicted = event.type === 'tick' ? watchEvictions(core, this.#world) : null;
    core.handle(event, this.#time());
    core.check();
    evicted?.();
    this.#dirty = true;
    this.#schedule();
  }

  /** Do it right after the commit of what was fed until now. */
  afterCommit(call: () => void): void {
    this.#afterCommit.push(call);
  }

  #schedule(): void {
    if (this.#underWay || this.#scheduled) return;
    this.#scheduled = true;
    this.#process.after(this.#world.random.chance(0.3) ? this.#world.random.next() * 5 : 0, () => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { random } = this.#world;
    this.#dirty = false;
    const turn = this.#core!.endTurn(this.#time());
    this.#core!.check();
    const done = this.#afterCommit;
    this.#afterCommit = [];
    if (turn.writes === null) {
      this.#perform(turn);
      for (const call of done) call();
      return;
    }
    this.#underWay = true;
    if (this.#world.mutation === 'sends-before-commit') for (const { connection, message } of turn.sends) this.#send(connection, message);
    const latency = this.#world.clock.now() < this.slowUntil ? random.next() * 800 : random.next() ** 4 * 40;
    this.#process.after(latency, () => this.#commit(turn, done));
  }

  #commit(turn: Turn, done: readonly (() => void)[]): void {
    const { random, store, ledger, count, mutation } = this.#world;
    const point = this.crashNext;
    if (point === 'before') {
      count('server crash before a commit');
      this.crash('before a commit');
      return;
    }
    if (random.chance(0.01)) {
      count('commit failed');
      this.#process.after(100, () => this.#commit(turn, done));
      return;
    }
    const writes = mutation === 'grants-not-persisted' ? { ...turn.writes!, grants: [] } : turn.writes!;
    void store.commit(writes);
    for (const call of done) call();
    ledger.committed(turn.writes!);
    if (point === 'after') {
      count('server crash after a commit');
      this.crash('after a commit');
      return;
    }
    if (point === 'between' && turn.sends.length > 1) {
      count('server crash between sends');
      turn.sends.splice(random.below(turn.sends.length - 1) + 1);
      this.#perform(turn);
      this.crash('between sends');
      return;
    }
    this.#underWay = false;
    this.#perform(turn);
  }

  #perform(turn: Turn): void {
    const { store, mutation } = this.#world;
    if (mutation !== 'sends-before-commit' || turn.writes === null)
      for (const { connection, message } of turn.sends) this.#send(connection, message);
    for (const { connection, error } of turn.cut) {
      const peer = this.#peers.get(connection);
      this.#world.tell(`server cuts ${connection}: ${error.message}`);
      if (error.code === 'ERR_PROTOCOL' && !error.message.startsWith('a recall'))
        throw new MillraceError('ERR_PROTOCOL', `${connection}: ${error.message}`);
      this.#peers.delete(connection);
      peer?.link.close('down');
      this.feed({ type: 'disconnected', connection });
    }
    for (const question of turn.refills) {
      const rows = store.ready(question.after, question.limit, question.lanes ?? undefined);
      if (!(rows instanceof Promise)) this.feed({ type: 'refilled', question, rows });
    }
    if (turn.lookups.length > 0) {
      const outcomes = store.outcomes(turn.lookups);
      if (!(outcomes instanceof Promise)) this.feed({ type: 'parents', outcomes });
    }
    if (turn.finish !== null && !this.finished) {
      this.finished = true;
      this.reason = turn.finish.reason;
      this.#world.tell(`the run ends: ${turn.finish.reason}`);
      for (const { link } of this.#peers.values()) link.send('down', ['end', 'complete']);
    }
    this.#setWake();
    if (this.#dirty) this.#schedule();
  }

  #send(connection: string, message: Message): void {
    let peer = this.#peers.get(connection);
    if (peer === undefined && this.#world.mutation === 'outputs-not-bound') {
      const name = connection.split('#')[0];
      peer = [...this.#peers.values()].find(({ id }) => id === name);
    }
    if (message[0] === 'recall') this.#world.count('recall');
    peer?.link.send('down', message);
    if (message[0] === 'recall' && this.#world.mutation === 'one-phase-recall') this.#takeBack(connection, message[1]);
  }

  /** The mutation: what is recalled is ready again at once. */
  #takeBack(connection: string, tasks: number): void {
    const client = this.#core?.clients().find((client) => client.connection === connection);
    if (client === undefined) return;
    const held = [...client.grants.values()].flatMap(({ id, tasks }) =>
      tasks.flatMap((task) => (task?.state === taskState.leased ? [{ id, n: task.n }] : [])),
    );
    this.feed({ type: 'given-back', connection, given: held.slice(-tasks).map(({ id, n }) => [id, [n, n]]) });
  }

  #setWake(): void {
    this.#wake?.();
    this.#wake = null;
    const at = this.#core?.wakeAt() ?? null;
    if (at === null || this.finished) return;
    this.#wake = this.#process.after(Math.max(0, at - this.#world.clock.now()), () => this.feed({ type: 'tick' }));
  }

  #beat(): void {
    const { clock, heartrate, options } = this.#world;
    for (const peer of [...this.#peers.values()]) {
      peer.link.send('down', ['heartbeat']);
      if (peer.role !== 'submitter' || clock.now() - peer.lastReceived < options.evictAfter) continue;
      peer.link.close('down');
      this.closed(peer.link);
    }
    this.#process.after(heartrate, () => this.#beat());
  }

  #time(): { now: number; wall: number } {
    return { now: this.#world.clock.now(), wall: this.#world.clock.wall() };
  }
}
