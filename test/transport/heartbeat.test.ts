import { expect, test } from 'vitest';
import { type HeartbeatOptions, watchHeartbeat } from '../../src/transport/heartbeat.ts';
import { memoryLink } from '../../src/transport/memory.ts';
import { Listening } from '../contract/connection-fixture.ts';
import { ManualClock } from './manual-clock.ts';
import { clientInfo, serverInfo } from './peers.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function watched(options: Partial<HeartbeatOptions> = {}) {
  const clock = new ManualClock();
  const { left, right, toRight } = memoryLink({ left: clientInfo, right: serverInfo, clock });
  const heard = new Listening(right);
  new Listening(left);
  await tick();
  let silences = 0;
  const stop = watchHeartbeat(left, { heartrate: 10_000, limit: 60_000, clock, onSilent: () => silences++, ...options });
  return { clock, left, right, toRight, heard, stop, silences: () => silences };
}

test('a heartbeat is sent each time nothing else was for the heartrate', async () => {
  const { clock, heard, stop } = await watched();
  clock.advance(9_000);
  await tick();
  expect(heard.messages).toEqual([]);
  clock.advance(21_000);
  await tick();
  expect(heard.messages).toEqual([['heartbeat'], ['heartbeat'], ['heartbeat']]);
  stop();
});

test('other messages stand in for heartbeats', async () => {
  const { clock, left, heard, stop } = await watched();
  for (let i = 1; i <= 5; i++) {
    clock.advance(6_000);
    left.send(['ack', i]);
  }
  clock.advance(9_000);
  await tick();
  expect(heard.messages.map(([tag]) => tag)).toEqual(['ack', 'ack', 'ack', 'ack', 'ack']);
  clock.advance(1_000);
  await tick();
  expect(heard.messages.at(-1)).toEqual(['heartbeat']);
  stop();
});

test('silence of the other side is noticed once, when it has lasted for the limit', async () => {
  const { clock, right, silences } = await watched();
  clock.advance(50_000);
  right.send(['heartbeat']);
  await tick();
  clock.advance(59_000);
  expect(silences()).toBe(0);
  clock.advance(1_000);
  expect(silences()).toBe(1);
  clock.advance(600_000);
  expect(silences()).toBe(1);
  expect(clock.waiting).toBe(0);
});

test('a pause of this side is no silence of the other', async () => {
  const { clock, left, silences, stop } = await watched();
  left.pause();
  clock.advance(600_000);
  expect(silences()).toBe(0);
  left.resume();
  clock.advance(59_000);
  expect(silences()).toBe(0);
  clock.advance(1_000);
  expect(silences()).toBe(1);
  stop();
});

test('after this process stood still the other side is silent only when nothing of it waits to be read', async () => {
  const { clock, right, silences, stop } = await watched();
  clock.freeze(3_600_000);
  expect(silences()).toBe(0);
  right.send(['heartbeat']);
  await tick();
  clock.advance(59_000);
  expect(silences()).toBe(0);
  clock.freeze(3_600_000);
  expect(silences()).toBe(0);
  clock.advance(1_000);
  expect(silences()).toBe(1);
  stop();
});

test('an endless limit watches nothing', async () => {
  const { clock, silences, stop } = await watched({ limit: Number.POSITIVE_INFINITY });
  clock.advance(1e9);
  expect(silences()).toBe(0);
  stop();
  expect(clock.waiting).toBe(0);
});
