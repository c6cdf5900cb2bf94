import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Calls } from '../../../src/remote/core/calls.ts';
import { Given, Got } from '../../../src/remote/core/references.ts';

describe('references', () => {
  test('that are told again while they are given back stay alive', () => {
    const given = new Given<object>();
    const got = new Got<string>();
    const thing = {};
    const number = given.give(thing);
    got.keep(number, 'first');
    const heard = got.drop(number, 'first');
    expect(given.give(thing)).toBe(number);
    expect(given.giveBack(number, heard)).toBe(false);
    expect(given.find(number)).toBe(thing);
    got.keep(number, 'second');
    expect(got.drop(number, 'first')).toBe(0);
    expect(given.giveBack(number, got.drop(number, 'second'))).toBe(true);
    expect([given.size, got.size, given.find(number)]).toEqual([0, 0, undefined]);
  });

  test('are all free when everything was given back, in whatever order messages and collections come', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('tell', 'deliver', 'collect', 'return'), fc.nat(2))), (steps) => {
        const given = new Given<object>();
        const got = new Got<object>();
        const things = [{}, {}, {}];
        const toldWay: number[] = [];
        const backWay: [number, number][] = [];
        const standIns = new Map<number, object>();
        const deliver = (): void => {
          const number = toldWay.shift();
          if (number === undefined) return;
          expect(given.find(number)).toBeDefined();
          if (got.hear(number) !== undefined) return;
          const handle = {};
          got.keep(number, handle);
          standIns.set(number, handle);
        };
        const collect = (number: number): void => {
          const handle = standIns.get(number);
          if (handle === undefined) return;
          standIns.delete(number);
          backWay.push([number, got.drop(number, handle)]);
        };
        const takeBack = (): void => {
          const back = backWay.shift();
          if (back !== undefined) given.giveBack(...back);
        };
        for (const [step, which] of steps) {
          if (step === 'tell') toldWay.push(given.give(things[which]!));
          else if (step === 'deliver') deliver();
          else if (step === 'collect') collect([...standIns.keys()][which] ?? -1);
          else takeBack();
          // Whoever holds a stand-in can call it.
          for (const number of standIns.keys()) expect(given.find(number)).toBeDefined();
        }
        while (toldWay.length > 0) deliver();
        for (const number of [...standIns.keys()]) collect(number);
        while (backWay.length > 0) takeBack();
        expect([given.size, got.size]).toEqual([0, 0]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('calls in flight', () => {
  test('are found once by their answer, and all at the end', () => {
    const calls = new Calls<string>();
    const [a, b, c] = ['a', 'b', 'c'].map((call) => calls.add(call)) as [number, number, number];
    expect([calls.take(b), calls.take(b), calls.take(99), calls.size]).toEqual(['b', undefined, undefined, 2]);
    expect([calls.takeAll(), calls.size, calls.take(a), calls.take(c)]).toEqual([['a', 'c'], 0, undefined, undefined]);
  });
});
