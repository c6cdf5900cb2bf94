/** What the simulation compares the system with: each notices what it is there for. */
import { expect, it } from 'vitest';
import { storedState } from '../../src/store/store.ts';
import type { ClientPart } from '../../src/testing/client-part.ts';
import { VirtualClock } from '../../src/testing/clock.ts';
import { GrantRows } from '../../src/testing/grant-rows.ts';
import { Hearing } from '../../src/testing/hearing.ts';
import { Liveness } from '../../src/testing/liveness.ts';
import { callOf } from '../../src/testing/options.ts';
import type { ServerPart } from '../../src/testing/server-part.ts';
import type { World } from '../../src/testing/world.ts';

const row = (id: number, tasks: number[]) => ({ id, client: 1, attempt: 1, tasks });

it('a stored row of a grant that names a task which is not leased is noticed, unless the task is done', () => {
  const rows = new GrantRows();
  rows.committed([row(1, [1, 3])], new Map([[1, [1, 2, 3]]]), () => true);
  rows.committed([], new Map([[1, [1, 3]]]), (n) => n !== 2);
  expect([...rows.named]).toEqual([1, 2, 3]);
  // Task 2 is queued again while its row stands.
  expect(() => rows.committed([], new Map([[1, [1, 3]]]), () => true)).toThrow('names task 2, which is not leased');
});

it('a leased task that no stored row names is noticed', () => {
  expect(() => new GrantRows().committed([row(1, [1, 1])], new Map([[1, [1, 2]]]), () => true)).toThrow('does not name it');
});

it('what a server could not hear is nobody’s silence', () => {
  const clock = new VirtualClock();
  const hearing = new Hearing(clock);
  hearing.heard('c');
  clock.advance(1_000);
  hearing.deaf(true);
  clock.advance(5_000);
  hearing.deaf(false);
  clock.advance(500);
  expect(hearing.silence('c')).toEqual({ ms: 1_500, closed: false });
  hearing.closed('c');
  clock.advance(10);
  expect(hearing.silence('c')).toEqual({ ms: 10, closed: true });
});

it('an idle client and a ready task that stay apart are noticed, and a server that is held up is forgiven', () => {
  const clock = new VirtualClock();
  const life = { serves: true, core: { phase: 'running', failedGroups: new Map() } };
  const ledger = {
    rows: new GrantRows(),
    lowestGroup: 0,
    ends: new Map(),
    tasks: new Map([[1, { group: 0, task: [0, 'a', null, null] }]]),
    states: new Map([[1, storedState.ready]]),
  };
  const world = { clock, ledger, options: { continueOnFailure: true } } as unknown as World;
  const server = { life, core: life.core, weather: { slowUntil: 0 } } as unknown as ServerPart;
  const client = { id: 'c', idle: true, shape: { walltime: null } } as unknown as ClientPart;
  const liveness = new Liveness(world, server, [client]);
  const look = (ms: number): void => {
    clock.advance(ms);
    liveness.look();
  };
  look(0);
  look(1_900);
  life.serves = false;
  look(1_000);
  life.serves = true;
  look(0);
  look(1_900);
  expect(() => look(200)).toThrow('c and task 1 stayed apart for 2100 ms');
});

it('options are told as they stand in a program', () => {
  expect(callOf({ seed: 7, mutation: 'no-fence', keep: { tasks: [1, 2], troubles: [] }, simple: ['right clocks'] })).toBe(
    "simulate({ seed: 7, mutation: 'no-fence', keep: { tasks: [1, 2], troubles: [] }, simple: ['right clocks'] })",
  );
});
