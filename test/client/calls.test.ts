import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../src/base/log.ts';
import { Calls } from '../../src/client/calls.ts';
import type { HeldTask } from '../../src/client/core/held.ts';
import type { ExecutionEnd } from '../../src/client/executor.ts';
import type { RunnerHandlers, RunnerOptions } from '../../src/client/runner-options.ts';
import { parseClientOptions } from '../../src/config/client.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { VirtualClock } from '../../src/testing/clock.ts';

/** No call of these tests ever starts: that needs a thread, which would need the built package. */
function open() {
  const sent: Message[] = [];
  const ended: [slot: number, ends: readonly ExecutionEnd[], idle: boolean][] = [];
  const begun: number[] = [];
  const { config } = parseClientOptions({});
  const options: RunnerOptions = {
    id: 'client',
    config,
    environment: {},
    spoolFolder: '/tmp',
    output: null,
    clock: new VirtualClock(),
    logger: silentLogger,
  };
  const handlers: RunnerHandlers = {
    send: (message) => void sent.push(message),
    begun: (slot) => void begun.push(slot),
    ended: (slot, ends, idle) => void ended.push([slot, ends, idle]),
    failed: (error) => {
      throw error;
    },
  };
  const calls = new Calls(options, handlers);
  onTestFinished(() => calls.close());
  const child = { n: 7, attempt: 1, granted: [7, 0, [1, 'm#f', null, { parents: [3] }]], asksParents: true } as unknown as HeldTask;
  return { calls, sent, ended, begun, start: () => calls.start(0, [[1, child]]) };
}

describe('a function that waits for how its parents ended', () => {
  it.each(['SIGINT', 'SIGKILL'] as const)('and is stopped by %s never starts, and its slot is free', async (signal) => {
    const { calls, sent, ended, begun, start } = open();
    start();
    expect(sent).toEqual([['?', 1, 'parents', { n: 7 }]]);
    calls.signal(0, signal, null);
    expect(ended).toEqual([]);
    await Promise.resolve();
    expect(ended).toMatchObject([[0, [{ key: 1, outcome: 'failed', extra: { signal } }], true]]);
    calls.answered(['=', 1, []]);
    calls.resumed();
    expect([sent.length, ended.length, begun]).toEqual([1, 1, []]);
  });

  it('asks again after a cut, and fails with the code of a refusal', () => {
    const { calls, sent, ended, start } = open();
    start();
    calls.resumed();
    expect(sent.at(-1)).toEqual(['?', 2, 'parents', { n: 7 }]);
    calls.answered(['!', 2, { code: 'ERR_FRAME_TOO_LARGE', message: 'too large', details: {}, cause: null }]);
    expect(ended).toMatchObject([[0, [{ key: 1, outcome: 'failed', extra: { error: { code: 'ERR_FRAME_TOO_LARGE' } } }], true]]);
  });

  it('is forgotten with its client', async () => {
    const { calls, ended, begun, start } = open();
    start();
    await calls.close();
    calls.answered(['=', 1, []]);
    expect([ended, begun]).toEqual([[], []]);
  });
});
