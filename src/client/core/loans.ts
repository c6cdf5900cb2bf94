/**
 * Slots that are lent to task graphs: whoever runs their tasks asks for a slot, with what its task needs of the client, gets one that is idle, and gives it
 * back. Where tasks of the queue wait too, both get every other slot.
 */
import type { Budget } from './budget.ts';
import type { ClientEvent } from './events.ts';
import type { Needs } from './lanes.ts';
import type { Slot, Slots } from './slots.ts';

interface Wish {
  readonly key: number;
  readonly needs: Needs | null;
}

export class Loans {
  readonly #slots: Slots;
  readonly #budget: Budget;
  readonly #wishes: Map<number, Wish> = new Map();
  readonly #lent: Map<number, Needs | null> = new Map();
  #last: 'graph' | 'queue' = 'queue';
  #keeps = false;

  constructor(slots: Slots, budget: Budget) {
    this.#slots = slots;
    this.#budget = budget;
  }

  get any(): boolean {
    return this.#lent.size > 0 || this.#wishes.size > 0;
  }

  /** What is held for graphs keeps the client here. */
  get keeps(): boolean {
    return this.#keeps;
  }

  handle(event: Extract<ClientEvent, { type: 'borrow' | 'borrow-off' | 'return' | 'keep' }>): void {
    if (event.type === 'keep') this.#keeps = event.busy;
    else if (event.type === 'borrow') this.#wishes.set(event.key, { key: event.key, needs: this.#budget.termsOf(event.attributes).needs });
    else if (event.type === 'borrow-off') this.#wishes.delete(event.key);
    else this.#giveBack(event.slot);
  }

  /** `contested`: tasks of the queue wait for slots too. */
  *lend(now: number, contested: boolean): Iterable<readonly [slot: Slot, key: number]> {
    for (const wish of this.#wishes.values()) {
      const slot = this.#slots.firstIdle;
      if (slot === null) return;
      if (contested && this.#last === 'graph') {
        this.#last = 'queue';
        return;
      }
      // The next one may need less.
      if (!this.#budget.fits(wish.needs)) continue;
      this.#last = 'graph';
      this.#wishes.delete(wish.key);
      this.#budget.reserve(wish.needs);
      this.#lent.set(slot.number, wish.needs);
      this.#slots.occupy(slot, now, Number.POSITIVE_INFINITY);
      yield [slot, wish.key];
    }
  }

  #giveBack(number: number): void {
    const needs = this.#lent.get(number);
    if (needs === undefined) return;
    this.#lent.delete(number);
    this.#budget.release(needs);
    this.#slots.release(this.#slots.all[number]!);
  }
}
