/**
 * The clients of a scale run: their real cores, behind each an executor that lets a task last as long as chance says. Nothing fails and nothing is
 * lost; every task succeeds.
 */
import { ClientCore } from '../client/core/core.ts';
import type { ClientEffect } from '../client/core/events.ts';
import type { ChainLimit, Message } from '../protocol/messages.ts';
import type { Send } from '../server/core/events.ts';
import { plainClient } from './plain-options.ts';
import { Calendar } from './scale-calendar.ts';
import type { Stopwatch } from './scale-server.ts';

export interface CrowdShape {
  readonly clients: number;
  readonly slots: number;
  /** ms that a task lasts. */
  readonly lasts: () => number;
}

interface Member {
  readonly core: ClientCore;
  readonly connection: string;
  wakeAt: number;
  /** Something happened to it in this millisecond. */
  moved: boolean;
  ended: boolean;
}

interface Running {
  readonly member: Member;
  readonly slot: number;
  readonly key: number;
  readonly durationMs: number;
}

/** As a server tells it to its clients, ms. */
const evictAfter = 60_000;

export class ScaleClients {
  readonly #shape: CrowdShape;
  readonly #stopwatch: Stopwatch;
  readonly #members: Member[] = [];
  readonly #byConnection: Map<string, Member> = new Map();
  readonly #ends: Calendar<Running> = new Calendar();
  readonly #wakes: Calendar<Member> = new Calendar();
  #moved: Member[] = [];
  /** Real ms in the cores. */
  coreMs = 0;

  constructor(shape: CrowdShape, stopwatch: Stopwatch, now: number) {
    this.#shape = shape;
    this.#stopwatch = stopwatch;
    const options = { ...plainClient, slots: shape.slots };
    for (let i = 0; i < shape.clients; i++) {
      const core = new ClientCore(options, now);
      const member: Member = { core, connection: `client-${i}`, wakeAt: Number.POSITIVE_INFINITY, moved: false, ended: false };
      this.#members.push(member);
      this.#byConnection.set(member.connection, member);
    }
  }

  get connections(): readonly string[] {
    return this.#members.map(({ connection }) => connection);
  }

  /** All have left. */
  get ended(): boolean {
    return this.#members.every(({ ended }) => ended);
  }

  /** `limits`: what the server tells of its own. */
  connect(now: number, limits: { limits?: readonly ChainLimit[] }): void {
    for (const member of this.#members) {
      member.core.handle({ type: 'connected', evictAfter, ...limits }, now);
      this.#move(member);
    }
  }

  /** A sign of life of the server. */
  beat(connection: string, now: number): void {
    this.#byConnection.get(connection)?.core.handle({ type: 'contact' }, now);
  }

  deliver(sends: readonly Send[], now: number): void {
    const began = this.#stopwatch();
    for (const { connection, message } of sends) {
      const member = this.#byConnection.get(connection);
      if (member === undefined || member.ended) continue;
      member.core.handle({ type: 'message', message }, now);
      this.#move(member);
    }
    this.coreMs += this.#stopwatch() - began;
  }

  /** What ends or is due in this millisecond, and the turns of all to whom something happened; `send` gets what they say. */
  turn(now: number, wall: number, send: (connection: string, message: Message) => void): void {
    const began = this.#stopwatch();
    for (const { member, slot, key, durationMs } of this.#ends.take(now)) {
      const end = { key, outcome: 'succeeded', exitStatus: 0, startedAt: wall - durationMs, durationMs, extra: null } as const;
      member.core.handle({ type: 'ended', slot, ends: [end], idle: true }, now);
      this.#move(member);
    }
    for (const member of this.#wakes.take(now)) {
      if (member.wakeAt > now || member.ended) continue;
      member.wakeAt = Number.POSITIVE_INFINITY;
      member.core.handle({ type: 'tick' }, now);
      this.#move(member);
    }
    const moved = this.#moved;
    this.#moved = [];
    for (const member of moved) {
      member.moved = false;
      for (const effect of member.core.endTurn(now)) this.#perform(member, effect, now, send);
      this.#setWake(member, now);
    }
    this.coreMs += this.#stopwatch() - began;
  }

  #perform(member: Member, effect: ClientEffect, now: number, send: (connection: string, message: Message) => void): void {
    if (effect.type === 'send') send(member.connection, effect.message);
    else if (effect.type === 'end') member.ended = true;
    else if (effect.type === 'start') {
      for (const [key] of effect.tasks) {
        const durationMs = this.#shape.lasts();
        this.#ends.add(now + durationMs, { member, slot: effect.slot, key, durationMs });
      }
    } else if (effect.type === 'reconnect') throw new Error(`${member.connection} has heard nothing for too long`);
  }

  #setWake(member: Member, now: number): void {
    const at = member.ended ? null : member.core.wakeAt(now);
    if (at === null || at >= member.wakeAt) return;
    // A turn is a millisecond: what is due now was done in it.
    member.wakeAt = Math.max(Math.ceil(at), now + 1);
    this.#wakes.add(member.wakeAt, member);
  }

  #move(member: Member): void {
    if (member.moved) return;
    member.moved = true;
    this.#moved.push(member);
  }
}
