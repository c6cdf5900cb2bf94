import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { boundCall } from '../../src/transport/call-bounds.ts';

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
