/** A clock whose timers fire when the test says so, for a part whose other end is real. */
import type { Clock } from '../../src/base/clock.ts';

export interface HandClock {
  readonly clock: Clock;
  /** Every timer that waits now, in the order in which they were set. */
  fire(): void;
  readonly waiting: number;
}

export function handClock(): HandClock {
  const calls = new Set<() => void>();
  const clock: Clock = {
    wall: () => 0,
    now: () => 0,
    random: () => 0,
    after(_ms, call) {
      calls.add(call);
      return () => calls.delete(call);
    },
  };
  const fire = (): void => {
    for (const call of [...calls]) {
      calls.delete(call);
      call();
    }
  };
  return {
    clock,
    fire,
    get waiting() {
      return calls.size;
    },
  };
}
