import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSalt, parseTaskId, TaskIds, taskId, taskNumber, taskNumberLimit } from '../../src/task/id.ts';

const salts = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map(makeSalt);
const times = fc.integer({ min: 0, max: 2 ** 47 });
const numbers = fc.integer({ min: 1, max: taskNumberLimit - 1 });

describe('public ids of tasks', () => {
  it('are UUIDs of version 7 and variant 10, whatever they are made of', () => {
    const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    fc.assert(fc.property(salts, times, numbers, (salt, time, n) => shape.test(taskId(salt, time, n))));
  });

  it('give back their number and time in the store that made them', () => {
    fc.assert(
      fc.property(salts, times, numbers, (salt, time, n) => {
        expect(taskNumber(salt, taskId(salt, time, n))).toEqual({ n, submittedAt: time });
      }),
    );
  });

  it('ascend with time and number, as text', () => {
    const salt = makeSalt(0.5);
    const ids = [taskId(salt, 1_000, 9), taskId(salt, 1_000, 10), taskId(salt, 1_001, 11), taskId(salt, 70_000, 12)];
    expect([...ids].sort()).toEqual(ids);
  });

  it('of another store are not taken for ours', () => {
    expect(taskNumber(makeSalt(0.25), taskId(makeSalt(0.75), 1_000, 3))).toBeNull();
    expect(taskNumber(makeSalt(0.25), 'not an id')).toBeNull();
  });

  it('use every bit of the salt', () => {
    const ids = Array.from({ length: 34 }, (_, bit) => taskId(makeSalt(2 ** bit / 2 ** 34), 1_000, 1));
    expect(new Set([...ids, taskId(makeSalt(0), 1_000, 1)]).size).toBe(35);
  });

  it('are the same from the maker of many', () => {
    const ids = new TaskIds(makeSalt(0.3));
    fc.assert(fc.property(times, numbers, (time, n) => ids.of(time, n) === taskId(makeSalt(0.3), time, n)));
  });

  it('given by users are UUIDs, kept in lower case; anything else is refused', () => {
    expect(parseTaskId('0190A0B0-0000-7000-8000-00000000000A')).toBe('0190a0b0-0000-7000-8000-00000000000a');
    for (const text of ['', '1', '0190a0b0-0000-7000-8000', 'x'.repeat(36)]) {
      expect(() => parseTaskId(text)).toThrow(expect.objectContaining({ code: 'ERR_TASK' }));
    }
  });
});
