import { describe, expect, it } from 'vitest';
import { fitted } from '../../../src/client/core/fit.ts';
import { HeldTask } from '../../../src/client/core/held.ts';
import { Lane } from '../../../src/client/core/lanes.ts';
import { Outgoing } from '../../../src/client/core/results.ts';
import type { ExecutionEnd } from '../../../src/client/executor.ts';
import type { ResultExtra } from '../../../src/task/result.ts';
import { bytesOf, largestPayload } from '../../../src/task/size.ts';
import { shell } from './harness.ts';

function endWith(extra: ResultExtra): ExecutionEnd {
  return { key: 1, outcome: 'succeeded', exitStatus: 0, startedAt: 5, durationMs: 10, extra };
}

const half = largestPayload / 2;

describe('an end', () => {
  it('that fits stays the same object', () => {
    const small = endWith({ stdout: 'x' });
    expect(fitted(small)).toBe(small);
    const full = endWith({ stdout: 'x'.repeat(half), stderr: 'y'.repeat(half) });
    expect(fitted(full)).toBe(full);
  });

  it('with too much output is cut, never inside a character, and says so', () => {
    const { outcome, extra } = fitted(endWith({ stdout: 'é'.repeat(half), stderr: 'short' }));
    expect([outcome, extra?.truncated, extra?.stderr]).toEqual(['succeeded', true, 'short']);
    const size = bytesOf(extra?.stdout);
    expect(size).toBeLessThanOrEqual(largestPayload - 5);
    expect(size).toBeGreaterThan(largestPayload - 8);
    expect(extra?.stdout).toMatch(/^é+$/);
  });

  it('leaves room for the command line that is shown with it', () => {
    const { extra } = fitted(endWith({ stdout: new Uint8Array(half), stderr: new Uint8Array(half) }), 'x'.repeat(1_000));
    expect([extra?.stdout?.length, extra?.stderr?.length]).toEqual([half - 500, half - 500]);
  });

  it('with too large a value is a failure that names it', () => {
    const end = fitted(endWith({ value: new Uint8Array(largestPayload + 1) }));
    expect(end).toMatchObject({ outcome: 'failed', extra: { error: { code: 'ERR_FRAME_TOO_LARGE' } } });
    expect(end.extra?.value).toBeUndefined();
  });
});

it('results of one bundle leave in messages of 1 MiB, or of a single result', () => {
  const outgoing = new Outgoing(100, 50);
  const lane = new Lane('', { needs: null, timeout: Number.POSITIVE_INFINITY });
  const sizes = [900_000, 200_000, 100, 5_000_000, 10, 10];
  for (const [i, size] of sizes.entries()) {
    const task = new HeldTask(1, 1, shell(i + 1), lane, i);
    outgoing.add(task, [i + 1, 1, 0, 5, 10, 0, { stdout: 'x'.repeat(size) }], 0);
  }
  const lists = [...outgoing.messages(0, true, false)].map((message) =>
    message[0] === 'results' ? message[2].flatMap(([, results]) => results.map(([n]) => n)) : [],
  );
  expect(lists).toEqual([[1], [2, 3], [4], [5, 6]]);
});
