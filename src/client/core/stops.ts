/** Stopping what runs: because its time is up, the server cancelled it, or the client leaves. The signals go out as effects. */
import type { Ranges } from '../../protocol/messages.ts';
import { fromRanges } from '../../task/ranges.ts';
import type { TaskSignal } from '../executor.ts';
import type { ClientEffect } from './events.ts';
import type { Held, HeldTask } from './held.ts';
import type { Slot, Slots, StopReason } from './slots.ts';

/** No grant is larger: bounds what ranges of a server may name. */
const largestGrant = 65_536;

export class Stops {
  readonly #slots: Slots;
  readonly #held: Held;
  readonly #emit: (effect: ClientEffect) => void;

  constructor(slots: Slots, held: Held, emit: (effect: ClientEffect) => void) {
    this.#slots = slots;
    this.#held = held;
    this.#emit = emit;
  }

  /** Begin the ladders whose time has come, and go on with those that have begun. */
  advance(now: number): void {
    for (const slot of this.#slots.expired(now)) this.#stop(slot, 'timeout', now);
    for (const [slot, signal] of this.#slots.due(now)) this.#signal(slot, signal);
  }

  all(reason: StopReason, now: number): void {
    for (const slot of this.#slots.all) this.#stop(slot, reason, now);
  }

  /** These are none of this client's business any more; what has ended is sent all the same: the server refuses and counts it. */
  drop(dropped: readonly (readonly [number, Ranges])[], now: number): void {
    for (const [grant, ranges] of dropped) {
      for (const n of fromRanges(ranges, largestGrant)) {
        const task = this.#held.get(grant, n);
        if (task === undefined || task.phase === 'finished') continue;
        const running = task.phase === 'running';
        this.#held.drop(task);
        if (!running) continue;
        const slot = this.#slots.all.find(({ tasks }) => [...tasks.values()].includes(task));
        if (slot !== undefined) this.#stop(slot, 'dropped', now, task);
      }
    }
  }

  /** Start the ladder on a slot. Of a batch only the call that is meant: the executor compares the key with what runs. */
  #stop(slot: Slot, reason: StopReason, now: number, only?: HeldTask): void {
    if (only !== undefined && slot.tasks.size > 1) {
      for (const [key, task] of slot.tasks) if (task === only) this.#emit({ type: 'signal', slot: slot.number, signal: 'SIGKILL', key });
      return;
    }
    const signal = this.#slots.stop(slot, reason, now);
    if (signal !== null) this.#signal(slot, signal);
  }

  #signal(slot: Slot, signal: TaskSignal): void {
    this.#emit({ type: 'signal', slot: slot.number, signal, key: null });
  }
}
