import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { MillraceError } from '../../src/base/errors.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { type MemoryLink, memoryLink } from '../../src/transport/memory.ts';
import { Peer, type PeerHandlers } from '../../src/transport/peer.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { ManualClock } from './manual-clock.ts';
import { clientInfo, serverInfo } from './peers.ts';

expectNoLeaks();

function peers(right: Partial<PeerHandlers>, left: Partial<PeerHandlers> = {}): { asker: Peer; answerer: Peer; link: MemoryLink } {
  const link = memoryLink({ left: clientInfo, right: serverInfo });
  const answerer = new Peer(link.right, { clock: systemClock, ...right });
  return { asker: new Peer(link.left, { clock: systemClock, ...left }), answerer, link };
}

test('an answer finds its request, in whatever order answers come', async () => {
  const waiting: (() => void)[] = [];
  const { asker } = peers({ requests: (method, params) => new Promise((resolve) => waiting.push(() => resolve([method, params]))) });
  const answers = ['a', 'b', 'c'].map((method, i) => asker.request(method, i));
  await until(() => waiting.length === 3);
  for (const answer of waiting.reverse()) answer();
  expect(await Promise.all(answers)).toEqual([
    ['a', 0],
    ['b', 1],
    ['c', 2],
  ]);
  expect(asker.open).toBe(0);
});

test('both sides may ask', async () => {
  const { asker, answerer } = peers({ requests: () => 'right' }, { requests: () => 'left' });
  expect(await Promise.all([asker.request('x', null), answerer.request('x', null)])).toEqual(['right', 'left']);
});

test('what a handler throws, now or later, is the refusal with its code and details', async () => {
  const { asker } = peers({
    requests: (method) => {
      const error = new MillraceError('ERR_NOT_FOUND', 'no such task', { details: { id: 7 } });
      if (method === 'now') throw error;
      return Promise.reject(error);
    },
  });
  for (const method of ['now', 'later'])
    await expect(asker.request(method, null)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND', message: 'no such task', details: { id: 7 } });
});

test('a side that answers no requests refuses them', async () => {
  await expect(peers({}).asker.request('anything', null)).rejects.toMatchObject({ code: 'ERR_PROTOCOL' });
});

test('an answer or a refusal that cannot cross fails its own request only', async () => {
  const { asker } = peers({
    requests: (method) => {
      if (method === 'throw') throw new MillraceError('ERR_TASK', 'bad', { details: { fault: () => 0 } });
      return method === 'good' ? 1 : () => 0;
    },
  });
  await expect(asker.request('bad', null)).rejects.toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
  await expect(asker.request('throw', null)).rejects.toMatchObject({ code: 'ERR_TASK', details: {} });
  expect(await asker.request('good', null)).toBe(1);
});

test('a request whose parameters cannot cross is rejected and leaves nothing open', async () => {
  const { asker } = peers({ requests: () => 1 });
  await expect(asker.request('x', () => 0)).rejects.toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
  expect(asker.open).toBe(0);
});

test('open requests are rejected when the connection ends, and so are later ones', async () => {
  let ended: unknown = 'no';
  const { asker, link } = peers({ requests: () => new Promise(() => {}) }, { closed: (error) => (ended = error) });
  const open = asker.request('x', null);
  await new Promise((resolve) => setImmediate(resolve));
  link.cut();
  await expect(open).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  expect(ended).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  await expect(asker.request('x', null)).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
});

test('a request ends at its time-out, and its late answer is thrown away', async () => {
  const clock = new ManualClock();
  let answer: () => void = () => {};
  const { asker } = peers(
    { requests: (method) => (method === 'slow' ? new Promise((resolve) => (answer = () => resolve('late'))) : 'next') },
    { clock },
  );
  const open = asker.request('slow', null, { timeout: 500 });
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(499);
  expect(asker.open).toBe(1);
  clock.advance(1);
  await expect(open).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  answer();
  expect(await asker.request('quick', null, { timeout: 500 })).toBe('next');
  expect(clock.waiting).toBe(0);
});

test('a request ends with its signal, before or after it was sent', async () => {
  const { asker } = peers({ requests: () => new Promise(() => {}) });
  const abort = new AbortController();
  const open = asker.request('x', null, { signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(open).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: { message: 'enough' } });
  await expect(asker.request('x', null, { signal: abort.signal })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  expect(asker.open).toBe(0);
});

test('an answer to a request that nobody made is ignored', async () => {
  const { asker, answerer } = peers({ requests: () => 'fine' });
  answerer.send(['=', 99, 'forged']);
  answerer.send(['!', 99, { code: 'ERR_AUTH', message: '', details: {}, cause: null }]);
  expect(await asker.request('x', null)).toBe('fine');
});

test('events and all other messages go where they belong', async () => {
  const events: unknown[] = [];
  const messages: Message[] = [];
  const { asker } = peers({ event: (name, value) => events.push([name, value]), message: (message) => messages.push(message) });
  asker.notify('progress', 1);
  asker.send(['heartbeat']);
  await until(() => messages.length === 1);
  expect(events).toEqual([['progress', 1]]);
  expect(messages).toEqual([['heartbeat']]);
});

test('without a handler for events they come as messages', async () => {
  const messages: Message[] = [];
  const { asker } = peers({ message: (message) => messages.push(message) });
  asker.notify('progress', 1);
  await until(() => messages.length === 1);
  expect(messages).toEqual([['event', 'progress', 1]]);
});
