/** A client core with time in hand: tell it what happened, read what it does. */
import { ClientCore } from '../../../src/client/core/core.ts';
import type { ClientEffect, ClientOptions } from '../../../src/client/core/events.ts';
import type { ExecutionEnd } from '../../../src/client/executor.ts';
import type { GrantedTask, Message } from '../../../src/protocol/messages.ts';
import type { TaskAttributes } from '../../../src/task/task.ts';
import { plainClient } from '../../../src/testing/plain-options.ts';

export const plain: ClientOptions = { ...plainClient, slots: 2, signalwait: 100, bundlesize: 3 };

export function shell(n: number, attributes: TaskAttributes | null = null): GrantedTask {
  return [n, 1_000, [0, `task ${n}`, null, attributes]];
}

export function call(n: number, name = 'm#f'): GrantedTask {
  return [n, 1_000, [1, name, null, null]];
}

export function ended(key: number, outcome: 'succeeded' | 'failed' = 'succeeded', durationMs = 10): ExecutionEnd {
  return { key, outcome, exitStatus: outcome === 'succeeded' ? 0 : 1, startedAt: 5, durationMs, extra: null };
}

export class Bench {
  readonly core: ClientCore;
  now = 0;

  constructor(options: Partial<ClientOptions> = {}) {
    this.core = new ClientCore({ ...plain, ...options }, 0);
  }

  /** A connection that stands; what was said on the way. */
  connect(drop: readonly (readonly [number, readonly number[]])[] = []): ClientEffect[] {
    this.core.handle({ type: 'connected', evictAfter: 10_000 }, this.now);
    return [...this.turn(), ...this.receive(['resumed', drop])];
  }

  receive(message: Message): ClientEffect[] {
    this.core.handle({ type: 'message', message }, this.now);
    return this.turn();
  }

  work(grant: number, ...tasks: GrantedTask[]): ClientEffect[] {
    return this.receive(['work', grant, 1, tasks]);
  }

  end(slot: number, ends: readonly ExecutionEnd[], idle = true): ClientEffect[] {
    this.core.handle({ type: 'ended', slot, ends, idle }, this.now);
    return this.turn();
  }

  tell(type: 'disconnected' | 'contact' | 'pause' | 'resume' | 'drain' | 'stop' | 'interrupt' | 'tick'): ClientEffect[] {
    this.core.handle({ type }, this.now);
    return this.turn();
  }

  pass(ms: number): ClientEffect[] {
    this.now += ms;
    return this.tell('tick');
  }

  turn(): ClientEffect[] {
    return this.core.endTurn(this.now);
  }
}

/** Messages with this tag. */
export function said<T extends Message[0]>(effects: readonly ClientEffect[], tag: T): Extract<Message, readonly [T, ...unknown[]]>[] {
  return effects.flatMap((effect) => (effect.type === 'send' && effect.message[0] === tag ? [effect.message as never] : []));
}

/** What began: `[slot, task numbers, keys]`. */
export function begun(effects: readonly ClientEffect[]): [slot: number, numbers: number[], keys: number[]][] {
  return effects.flatMap((effect) =>
    effect.type === 'start'
      ? [[effect.slot, effect.tasks.map(([, task]) => task.n), effect.tasks.map(([key]) => key)] as [number, number[], number[]]]
      : [],
  );
}

export function signals(effects: readonly ClientEffect[]): [slot: number, signal: string][] {
  return effects.flatMap((effect) => (effect.type === 'signal' ? [[effect.slot, effect.signal] as [number, string]] : []));
}

/** Results messages: `[number, [task number, outcome][]]`. */
export function results(effects: readonly ClientEffect[]): [sequence: number, results: [n: number, outcome: number][]][] {
  return said(effects, 'results').map(([, sequence, bundles]) => [
    sequence,
    bundles.flatMap(([, list]) => list.map(([n, outcome]) => [n, outcome] as [number, number])),
  ]);
}
