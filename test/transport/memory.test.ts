import { expect, test } from 'vitest';
import type { Message } from '../../src/protocol/messages.ts';
import { memoryLink } from '../../src/transport/memory.ts';
import { connectionContract } from '../contract/connection.ts';
import { Listening } from '../contract/connection-fixture.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { clientInfo, serverInfo } from './peers.ts';

expectNoLeaks();

connectionContract('memory', async () => ({
  pair: async (limits) => memoryLink({ left: clientInfo, right: serverInfo, ...(limits === undefined ? {} : { limits }) }),
  close: async () => {},
}));

const note = (value: unknown): Message => ['event', 'note', value];
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a fence holds messages back until it is released', async () => {
  const { left, right, toRight } = memoryLink({ left: clientInfo, right: serverInfo });
  const heard = new Listening(right);
  toRight.fence();
  left.send(note(1));
  await tick();
  expect(heard.messages).toEqual([]);
  expect(toRight.queued).toEqual([note(1)]);
  toRight.release();
  await until(() => heard.messages.length === 1);
});

test('manual delivery moves as many messages as it is told, and no more', async () => {
  const { left, right, toRight } = memoryLink({ left: clientInfo, right: serverInfo, delivery: 'manual' });
  const heard = new Listening(right);
  for (let i = 0; i < 5; i++) left.send(note(i));
  await tick();
  expect(heard.messages).toEqual([]);
  expect(toRight.deliver(2)).toBe(2);
  expect(heard.values).toEqual([0, 1]);
  expect(toRight.deliver()).toBe(3);
});

test('messages on their way can be dropped and reordered', () => {
  const { left, right, toRight } = memoryLink({ left: clientInfo, right: serverInfo, delivery: 'manual' });
  const heard = new Listening(right);
  for (let i = 0; i < 6; i++) left.send(note(i));
  expect(toRight.drop((message) => Number(message[2]) % 2 === 1)).toBe(3);
  toRight.reorder((messages) => messages.toReversed());
  toRight.deliver();
  expect(heard.values).toEqual([4, 2, 0]);
  expect(left.backlog).toBe(0);
});

test('a cut ends both sides with an error and loses what is on its way', async () => {
  const { left, right, toRight, cut } = memoryLink({ left: clientInfo, right: serverInfo });
  const ends = [new Listening(left), new Listening(right)];
  toRight.fence();
  left.send(note(1));
  cut();
  await until(() => ends.every((end) => end.ends.length === 1));
  for (const end of ends) {
    expect(end.messages).toEqual([]);
    expect(end.ends[0]).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  }
});

test('without copying the receiver gets the very object', async () => {
  const { left, right } = memoryLink({ left: clientInfo, right: serverInfo, copy: false });
  const heard = new Listening(right);
  const message = note({});
  left.send(message);
  await until(() => heard.messages.length === 1);
  expect(heard.messages[0]).toBe(message);
});
