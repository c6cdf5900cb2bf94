/** Messages of threads: the library's own are told from what functions may send. */
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { mark } from '../../../../src/client/executors/function/journal.ts';
import { threadMessage } from '../../../../src/client/executors/function/thread-message.ts';

it('takes what a thread of the library sends', () => {
  const { port1, port2 } = new MessageChannel();
  const messages = [
    [mark, 'ends', 0, 1, [[0, 1, 2, null, null]]],
    [mark, 'said', 0, 1, 0, null, 'a line\n'],
    [mark, 'said', 0, 1, 0, new Uint8Array(1), ''],
    [mark, 'abort-port', 0, 1, 0, port1],
    [mark, 'late', 'an id', 'a story'],
  ];
  expect(messages.map((message) => threadMessage(message) === (message as unknown))).toEqual(messages.map(() => true));
  port1.close();
  port2.close();
});

it.each([
  [null],
  ['text'],
  [{ length: 1 }],
  [[]],
  [['other', 'ends', 0, 1, []]],
  [[mark]],
  [[mark, 'ends', 0, 1]],
  [[mark, 'ends', 0, 1, [null]]],
  [[mark, 'ends', '0', 1, []]],
  [[mark, 'said', 0, 1, 0, {}, '']],
  [[mark, 'said', 0, 1, 0, null]],
  [[mark, 'abort-port', 0, 1, 0, { close: 1 }]],
  [[mark, 'late']],
  [[mark, 'something', 0, 1]],
])('is not taken in by %j', (message) => {
  expect(threadMessage(message)).toBeNull();
});
