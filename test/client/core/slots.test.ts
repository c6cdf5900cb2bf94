/** The table of slots: who is idle, who runs longest, and that a turn looks at no slot of which nothing is timed. */
import { expect, it } from 'vitest';
import { Slots } from '../../../src/client/core/slots.ts';

const none = Number.POSITIVE_INFINITY;

/** All but these slots tell nobody when they are due. */
function blind(slots: Slots, seen: readonly number[]): void {
  for (const slot of slots.all) {
    if (seen.includes(slot.number)) continue;
    Object.defineProperty(slot, 'deadline', {
      get: () => {
        throw new Error(`slot ${slot.number} was looked at`);
      },
      set: () => {},
    });
  }
}

it('looks for what is due among the slots with a time limit alone', () => {
  const slots = new Slots(250, 100);
  for (const slot of slots.all) {
    slots.occupy(slot, 0, slot.number === 7 ? 1_000 : none);
    slots.watch(slot);
  }
  blind(slots, [7]);
  expect(slots.next).toBe(1_000);
  expect(slots.expired(999)).toEqual([]);
  expect([...slots.crowded(999)]).toEqual([]);
  expect(slots.expired(1_000).map(({ number }) => number)).toEqual([7]);
});

it('forgets when a slot was due once nothing runs there', () => {
  const slots = new Slots(3, 100);
  slots.occupy(slots.all[0]!, 0, 1_000);
  slots.watch(slots.all[0]!);
  slots.release(slots.all[0]!);
  expect(slots.next).toBe(none);
});

it('goes on with a ladder that has begun', () => {
  const slots = new Slots(2, 100);
  const slot = slots.firstIdle!;
  slots.occupy(slot, 0, none);
  slot.tasks.set(1, {} as never);
  expect(slots.stop(slot, 'shutdown', 10)).toBe('SIGINT');
  expect(slots.next).toBe(110);
  expect([...slots.due(110)].map(([, signal]) => signal)).toEqual(['SIGTERM']);
  expect([...slots.crowded(110)]).toEqual([]);
  expect(slots.next).toBe(210);
});

it('gives the idle slot with the lowest number, and knows since when the oldest runs, whatever ends first', () => {
  const slots = new Slots(4, 100);
  for (const now of [10, 20, 30]) slots.occupy(slots.firstIdle!, now, none);
  expect([slots.idle, slots.firstIdle?.number, slots.oldest(40)]).toEqual([1, 3, 10]);
  slots.release(slots.all[1]!);
  expect([slots.idle, slots.firstIdle?.number, slots.oldest(40)]).toEqual([2, 1, 10]);
  slots.release(slots.all[0]!);
  expect([slots.idle, slots.firstIdle?.number, slots.oldest(40)]).toEqual([3, 0, 30]);
  slots.occupy(slots.firstIdle!, 40, none);
  slots.release(slots.all[2]!);
  expect([slots.firstIdle?.number, slots.oldest(50)]).toEqual([1, 40]);
  slots.release(slots.all[0]!);
  expect([slots.anyBusy, slots.oldest(50)]).toEqual([false, 50]);
});
