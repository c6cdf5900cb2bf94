import { expect, test } from 'vitest';
import { RainException } from '../../src/session/exceptions.ts';
import { LabeledList } from '../../src/session/labeled-list.ts';

test('items are read by place, from the end, by label and by slice', () => {
  const list = LabeledList.fromPairs([
    ['a', 1],
    [null, 2],
    ['c', 3],
  ]);
  expect([list.get(0), list.get(-1), list.get('c'), list.length]).toEqual([1, 3, 3, 3]);
  expect(list.slice(1)).toEqual([2, 3]);
  expect([...list]).toEqual([1, 2, 3]);
  expect(list.items()).toEqual([
    ['a', 1],
    [null, 2],
    ['c', 3],
  ]);
});

test('membership is by label, not by value', () => {
  const list = new LabeledList([1, 2], ['one', null]);
  expect([list.has('one'), list.has('1')]).toEqual([true, false]);
});

test('a label that is there twice, an unknown label and a place beyond the end are errors that change nothing', () => {
  const list = new LabeledList(['x', 'y'], ['first', 'second']);
  expect(() => list.append('z', 'first')).toThrow(/two items have the label 'first'/);
  expect(() => list.setLabel(1, 'first')).toThrow(RainException);
  expect(() => list.get('frist')).toThrow(/Did you mean 'first'/);
  expect(() => list.get(2)).toThrow(/has 2 items and none at 2/);
  expect(() => new LabeledList([1], ['a', 'b'])).toThrow(/as many labels/);
  expect(list.items()).toEqual([
    ['first', 'x'],
    ['second', 'y'],
  ]);
});

test('items can be put in, replaced, relabelled and taken out; labels stay with their items', () => {
  const list = new LabeledList(['a', 'c'], ['A', 'C']);
  list.insert(1, 'b', 'B');
  expect(list.pop('A')).toBe('a');
  expect(list.get('C')).toBe('c');
  list.set(0, 'other');
  expect(list.getLabel(0)).toBeNull();
  list.set('C', 'still C');
  expect(list.get('C')).toBe('still C');
  list.setLabel(0, 'C2');
  expect(list.labels).toEqual(['C2', 'C']);
  expect(list.pop()).toBe('still C');
});

test('two lists are equal when items and labels are; a copy keeps its labels', () => {
  const list = new LabeledList([1, 2], ['a', null]);
  expect(new LabeledList(list).equals(list)).toBe(true);
  expect(new LabeledList([1, 2]).equals(list)).toBe(false);
  expect(list.equals([1, 2])).toBe(false);
});
