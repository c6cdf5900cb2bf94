/**
 * The client's core: a state machine without I/O or clocks. `handle` takes what happened, `endTurn` answers with effects.
 *
 * Link: `offline` → `greeting` (connected, the full list of what is held was sent) → `online`. Mode: `working` → `draining`
 * (nothing new begins, what runs ends) or `stopping` (what runs is stopped and given back) → `ended`: as it is told, or by itself (`leaving.ts`).
 * What runs goes on over any change of the link; after `evictAfter` without a word of the server nothing that it holds begins (it may be
 * somebody else's by now), until a new connection has compared what is held.
 */
import type { MillraceError } from '../../base/errors.ts';
import type { Message, Ranges } from '../../protocol/messages.ts';
import { outcomes } from '../../task/result.ts';
import type { ExecutionEnd } from '../executor.ts';
import { Budget } from './budget.ts';
import { Credit } from './credit.ts';
import type { ClientEffect, ClientEvent, ClientOptions } from './events.ts';
import { Held, type HeldTask, numbersOf } from './held.ts';
import { Leaving } from './leaving.ts';
import { Loans } from './loans.ts';
import { Notices } from './notices.ts';
import { Pace } from './pace.ts';
import { Outgoing, resultOf } from './results.ts';
import { Silence } from './silence.ts';
import { type Slot, Slots } from './slots.ts';
import { Starts } from './starts.ts';
import { Stops } from './stops.ts';

/** Above this many unsettled results nothing more is begun: the server does not keep up. */
const mostUnsettled = 20_000;

export class ClientCore {
  /** Attempts whose result was told to the server, by outcome. */
  readonly counts: number[] = outcomes.map(() => 0);
  readonly #options: ClientOptions;
  readonly #held: Held;
  readonly #slots: Slots;
  readonly #outgoing: Outgoing;
  readonly #pace: Pace;
  readonly #starts: Starts;
  readonly #stops: Stops;
  readonly #loans: Loans;
  #effects: ClientEffect[] = [];
  #link: 'offline' | 'greeting' | 'online' = 'offline';
  #mode: 'working' | 'draining' | 'stopping' | 'ended' = 'working';
  #error: MillraceError | null = null;
  #paused = false;
  readonly #silence: Silence;
  readonly #leaving: Leaving;
  readonly #credit: Credit = new Credit();
  readonly #notices: Notices = new Notices();
  #stopped: HeldTask[] = [];
  #byeSent = false;

  constructor(options: ClientOptions, now: number) {
    this.#options = options;
    const budget = new Budget(options);
    this.#held = new Held((attributes) => budget.termsOf(attributes));
    this.#leaving = new Leaving(options, this.#held, now);
    this.#slots = new Slots(options.slots, options.signalwait);
    this.#outgoing = new Outgoing(options.bundlesize, options.bundlewait);
    this.#pace = new Pace(options.prefetch);
    this.#starts = new Starts(options, this.#held, this.#slots, budget);
    this.#loans = new Loans(this.#slots, budget);
    this.#stops = new Stops(this.#slots, this.#held, (effect) => this.#effects.push(effect));
    this.#silence = new Silence(now);
  }

  get mode(): 'working' | 'draining' | 'stopping' | 'ended' {
    return this.#mode;
  }

  get link(): 'offline' | 'greeting' | 'online' {
    return this.#link;
  }

  /** Every task that is held. */
  get held(): Held {
    return this.#held;
  }

  handle(event: ClientEvent, now: number): void {
    if (this.#mode === 'ended') return;
    switch (event.type) {
      case 'connected':
        this.#heard(now);
        this.#silence.limit(event.evictAfter);
        this.#notices.mute(this.#options.noConfirm || event.noConfirm === true);
        this.#held.setLimits(event.limits ?? []);
        if (this.#link !== 'offline') this.#outgoing.rewind(now);
        this.#link = 'greeting';
        this.#credit.reset();
        this.#send(['resume', this.#held.list()]);
        return;
      case 'disconnected':
        this.#link = 'offline';
        this.#outgoing.rewind(now);
        return;
      case 'lost':
        this.#error ??= event.error;
        this.#link = 'offline';
        this.#end();
        return;
      case 'contact':
        this.#heard(now);
        return;
      case 'message':
        this.#heard(now);
        this.#message(event.message, now);
        return;
      case 'ended':
        this.#ended(event.slot, event.ends, event.idle, now);
        return;
      case 'quiet':
        this.#slots.quiet(this.#slots.all[event.slot]);
        return;
      case 'begun':
        this.#starts.begun(event.slot, now);
        return;
      case 'pause':
      case 'resume':
        this.#paused = event.type === 'pause';
        return;
      case 'drain':
      case 'interrupt':
        this.#drain();
        if (event.type === 'interrupt') this.#stops.all('interrupt', now);
        return;
      case 'stop':
        this.#stopAll(now);
        return;
      case 'tick':
        return;
      default:
        this.#loans.handle(event);
    }
  }

  endTurn(now: number): ClientEffect[] {
    if (this.#mode !== 'ended') this.#work(now);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** The monotonic time at which a `tick` is due; null: none. */
  wakeAt(now: number): number | null {
    let next = Math.min(this.#slots.next, this.#starts.due(now));
    if (this.#mode !== 'stopping') next = Math.min(next, this.#leaving.due(this.#mode === 'working', this.#loans.any));
    if (this.#link === 'online') next = Math.min(next, this.#notices.due, this.#outgoing.due);
    if (this.#link !== 'offline') next = Math.min(next, this.#silence.due);
    if (this.#pace.target > 0 && this.#slots.anyBusy) next = Math.min(next, this.#slots.oldest(now) + this.#options.prefetch + 1);
    return Number.isFinite(next) ? next : null;
  }

  #heard(now: number): void {
    this.#listen(now);
    this.#silence.heard(now);
  }

  #listen(now: number): void {
    if (this.#silence.breaks(now) && this.#link !== 'offline') this.#effects.push({ type: 'reconnect' });
  }

  #work(now: number): void {
    this.#listen(now);
    this.#stops.advance(now);
    const leave = this.#leaving.decide(now, this.#loans.any);
    if (leave === 'stop') this.#stopAll(now);
    else if (leave === 'drain') this.#drain();
    this.#stopped.push(...this.#leaving.late(now));
    this.#begin(now);
    for (const { number } of this.#slots.crowded(now)) this.#effects.push({ type: 'relieve', slot: number });
    this.#pace.measure(now, this.#slots.anyBusy ? now - this.#slots.oldest(now) : 0);
    if (this.#link === 'online') {
      for (const [grant, numbers] of numbersOf(this.#notices.take(now))) this.#send(['started', grant, numbers]);
      const leaving = this.#mode !== 'working';
      for (const message of this.#outgoing.messages(now, leaving, this.#held.startable > 0 && this.#pace.busy)) this.#send(message);
      if (this.#stopped.length > 0) this.#giveBack(this.#stopped.splice(0).filter(({ phase }) => phase !== 'dropped'));
      if (leaving && this.#held.unstarted > 0) this.#giveBack(this.#held.giveBack(Number.POSITIVE_INFINITY));
      if (this.#mode === 'working') this.#want();
    }
    if (this.#mode !== 'working' && !this.#slots.anyBusy && !this.#loans.keeps) {
      const settled = this.#outgoing.size === 0 && this.#held.empty;
      if (settled || (this.#mode === 'stopping' && this.#link === 'offline')) this.#end();
    }
  }

  #message(message: Message, now: number): void {
    switch (message[0]) {
      case 'work': {
        const [, grant, attempt, tasks] = message;
        this.#credit.received(tasks.length);
        this.#held.add(grant, attempt, tasks);
        this.#pace.received(tasks);
        return;
      }
      case 'ack':
        this.#outgoing.settled(message[1], (task) => this.#held.drop(task));
        return;
      case 'resumed':
        this.#resumed(message[1], now);
        return;
      case 'cancel':
        this.#stops.drop(message[1], now);
        return;
      case 'recall':
        this.#giveBack(this.#held.giveBack(message[1]));
        return;
      case 'drain':
        this.#drain();
        return;
      case 'end':
        if (message[1] === 'complete') this.#end();
        else this.#stopAll(now);
    }
  }

  #resumed(drop: readonly (readonly [number, Ranges])[], now: number): void {
    this.#stops.drop(drop, now);
    if (this.#link !== 'greeting') return;
    this.#link = 'online';
    this.#silence.refresh();
    this.#notices.restate(this.#slots.running(), now);
  }

  #begin(now: number): void {
    if (this.#mode !== 'working' || this.#paused || this.#silence.stale || this.#outgoing.size > mostUnsettled) return;
    for (const [slot, key] of this.#loans.lend(now, this.#held.startable > 0)) this.#effects.push({ type: 'lend', slot: slot.number, key });
    for (const [slot, tasks] of this.#starts.begin(now)) {
      this.#notices.add(tasks.slice(0, 1), now, this.#pace.busy);
      this.#effects.push({ type: 'start', slot: slot.number, tasks: [...slot.tasks] });
    }
  }

  #ended(number: number, ends: readonly ExecutionEnd[], idle: boolean, now: number): void {
    const slot = this.#slots.all[number];
    if (slot === undefined) return;
    for (const end of ends) {
      const task = slot.tasks.get(end.key) ?? slot.finishing?.get(end.key);
      if (task === undefined) continue;
      slot.tasks.delete(end.key);
      slot.finishing?.delete(end.key);
      this.#starts.ended(task, end);
      if (end.notStarted === undefined || task.phase === 'dropped' || slot.reason === 'shutdown') this.#held.leave(task);
      this.#endOf(task, slot, end, now);
    }
    if (idle) this.#slots.release(slot);
    else if (slot.tasks.size === 0) this.#slots.quiet(slot);
  }

  #endOf(task: HeldTask, slot: Slot, end: ExecutionEnd, now: number): void {
    if (task.phase === 'dropped') return;
    if (slot.reason === 'shutdown') {
      this.#stopped.push(task);
      return;
    }
    if (end.notStarted !== undefined) {
      this.#held.putBack(task);
      return;
    }
    this.#pace.completed(1);
    task.phase = 'finished';
    const result = resultOf(task, slot.number, end, slot.reason === 'timeout');
    this.counts[result[1]]!++;
    this.#outgoing.add(task, result, now);
  }

  #drain(): void {
    if (this.#mode === 'working') this.#mode = 'draining';
  }

  #stopAll(now: number): void {
    if (this.#mode !== 'stopping') this.#stops.all('shutdown', now);
    this.#mode = 'stopping';
  }

  #giveBack(tasks: readonly HeldTask[]): void {
    this.#send(['back', numbersOf(tasks)]);
    for (const task of tasks) {
      this.#held.drop(task);
      this.#held.leave(task);
    }
  }

  #want(): void {
    const open = !this.#paused && this.#outgoing.size <= mostUnsettled;
    const want = this.#credit.next(open, this.#slots.idle, this.#held, this.#pace.target);
    if (want !== null) this.#send(want);
  }

  #send(message: Message): void {
    this.#effects.push({ type: 'send', message });
  }

  #end(): void {
    if (this.#link !== 'offline' && !this.#byeSent) this.#send(['bye']);
    this.#byeSent = true;
    this.#mode = 'ended';
    this.#effects.push({ type: 'end', error: this.#error });
  }
}
