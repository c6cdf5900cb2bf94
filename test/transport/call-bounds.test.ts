import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { HeldCalls } from '../../src/remote/held-calls.ts';
import { boundCall } from '../../src/transport/call-bounds.ts';
import { dial } from '../../src/transport/dial.ts';
import { dialUntil } from '../../src/transport/reconnect.ts';
import { ManualClock } from './manual-clock.ts';
import { clientInfo } from './peers.ts';

it('calls that share a signal have one listener, each hears of its abort, and none is left behind', () => {
  const { signal } = new AbortController();
  const failed: string[] = [];
  const frees = Array.from({ length: 20 }, (_, i) => boundCall(systemClock, `call ${i}`, { signal }, ({ code }) => failed.push(code))!);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  for (const free of frees) free();
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  expect(failed).toEqual([]);

  const control = new AbortController();
  for (let i = 0; i < 20; i++) boundCall(systemClock, `call ${i}`, { signal: control.signal }, ({ code }) => failed.push(code));
  control.abort();
  expect(failed).toEqual(Array.from({ length: 20 }, () => 'ERR_ABORTED'));
});

it('who dials, waits to dial again, or holds a call until there is a connection, shares that listener too', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket.on('error', () => {})));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const control = new AbortController();
  const { signal } = control;
  const port = (silent.address() as AddressInfo).port;
  const held = new HeldCalls<null>();
  const clock = new ManualClock();
  const refused = (): Promise<never> => Promise.reject(new MillraceError('ERR_CONNECTION_CLOSED', 'nobody listens'));
  const all = Array.from({ length: 50 }, () => [
    dial({ host: '127.0.0.1', port }, { auth: 'a key of these tests', self: clientInfo, signal }),
    dialUntil(refused, { clock, timeout: 60_000, signal }),
    held.add(async () => {}, { timeout: null, signal }, 'x'),
  ]).flat();
  const codes = Promise.all(all.map((call) => call.catch(({ code }: { code: string }) => code)));
  // Those that wait to dial again have failed once by now.
  while (clock.waiting < 50) await new Promise((resolve) => setImmediate(resolve));
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  control.abort();
  expect(new Set(await codes)).toEqual(new Set(['ERR_ABORTED']));
  expect(clock.waiting).toBe(0);
  // Aborted before, nothing is begun.
  const late = [dialUntil(refused, { clock, timeout: 60_000, signal }), held.add(async () => {}, { timeout: 5_000, signal }, 'x')];
  for (const call of late) await expect(call).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  expect(clock.waiting).toBe(0);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});
