import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { MemoryNames, NameObject } from '../../src/remote/name-object.ts';
import { describeNames } from '../contract/names.ts';
import { failure } from './parts.ts';

describeNames('memory', async () => {
  const names = new MemoryNames();
  return { names, reopen: async () => names, destroy: async () => {} };
});

/** A clock that stands, and timers that ring when they are told to. */
function handClock(): { now: number; ring: () => void; clock: typeof systemClock } {
  const state = { now: 1_000_000, ring: (): void => {} };
  const clock: typeof systemClock = {
    ...systemClock,
    wall: () => state.now,
    after(_, call) {
      state.ring = call;
      return () => {};
    },
  };
  return Object.assign(state, { clock });
}

test('a name whose lease is over is gone for everybody at once, and leaves the store with the next cleaning', async () => {
  const store = new MemoryNames();
  const hand = handClock();
  const names = new NameObject(store, hand.clock);
  await names.register('short', 'mill:a@host:1', { lease: 1_000 });
  await names.register('long', 'mill:b@host:1', {});
  hand.now += 999;
  expect(await names.lookup('short')).toBe('mill:a@host:1');
  hand.now += 1;
  expect(await failure(names.lookup('short'))).toMatchObject({ code: 'ERR_NAME' });
  expect([await names.list({}), (await store.all()).length]).toEqual([[['long', 'mill:b@host:1']], 2]);
  hand.ring();
  await names.register('other', 'mill:c@host:1', {});
  expect((await store.all()).map(({ name }) => name)).toEqual(['long', 'other']);
});

test('after a restart each name has its whole lease again, so that its daemon has the time to come back', async () => {
  const store = new MemoryNames();
  const hand = handClock();
  await new NameObject(store, hand.clock).keep([['calc', 'mill:a@host:1', []]], 1_000, true);
  hand.now += 60_000;
  const names = new NameObject(store, hand.clock);
  hand.now += 999;
  expect(await names.lookup('calc')).toBe('mill:a@host:1');
  hand.now += 1;
  expect(await failure(names.lookup('calc'))).toMatchObject({ code: 'ERR_NAME' });
});

test('changes are made one after the other: of two that register safely at once, one is refused', async () => {
  const names = new NameObject(new MemoryNames(), systemClock);
  const asked = [1, 2, 3].map((port) => names.register('x', `mill:x@host:${port}`, { safe: true }));
  expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(await names.lookup('x')).toBe('mill:x@host:1');
  names.end();
});

test('what is no name, lease, tag or list is refused', async () => {
  const names = new NameObject(new MemoryNames(), systemClock);
  const refused = [
    () => names.register('x', 'mill:x@host:1', { lease: 'long' }),
    () => names.keep('x', 1_000, true),
    () => names.keep([['x', 'mill:x@host:1']], 1_000, true),
    () => names.keep([null], 1_000, true),
    () => names.leave(7),
    () => names.register('x'.repeat(2_000), 'mill:x@host:1', {}),
  ];
  for (const step of refused)
    expect(await failure((async () => step())())).toMatchObject({ code: expect.stringMatching(/^ERR_(NAME|URI)$/) });
  names.end();
});
