/** The upkeep of a store is done when the server has had no turn for a while, and not in its way. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { Rest } from '../../src/server/rest.ts';

let now: number;
let due: (() => void)[];
let caughtUp: number[];
let idle: boolean;
let rest: Rest;

const store = {
  behind: false,
  catchUp(): void {
    store.behind = false;
    caughtUp.push(now);
  },
};

/** So much later; what is due is called. */
function pass(ms: number): void {
  now += ms;
  for (const call of due.splice(0)) call();
}

beforeEach(() => {
  now = 100;
  due = [];
  caughtUp = [];
  idle = true;
  store.behind = false;
  const clock: Clock = {
    wall: () => now,
    now: () => now,
    random: () => 0,
    after(_ms, call) {
      due.push(call);
      return () => {
        due = due.filter((other) => other !== call);
      };
    },
  };
  rest = new Rest(store, clock, () => idle);
});
afterEach(() => expect(due).toEqual([]));

it('a store that is not behind costs no timer', () => {
  rest.turned();
});

it('a store that is behind catches up once, after a while without a turn', () => {
  store.behind = true;
  rest.turned();
  expect(caughtUp).toEqual([]);
  pass(2);
  expect(caughtUp).toEqual([102]);
});

it('it does not as long as turns follow one another, or one is open', () => {
  store.behind = true;
  rest.turned();
  for (let i = 0; i < 10; i++) {
    now++;
    rest.turned();
    pass(1);
  }
  idle = false;
  pass(2);
  expect(caughtUp).toEqual([]);
  idle = true;
  pass(2);
  expect(caughtUp).toEqual([now]);
});

it('nothing is done after the end', () => {
  store.behind = true;
  rest.turned();
  rest.close();
  pass(2);
  expect(caughtUp).toEqual([]);
});
