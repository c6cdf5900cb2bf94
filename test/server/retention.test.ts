/** What the store forgets: how much at a time, and what becomes of tasks that are queued again at that moment. */
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { parseServerOptions } from '../../src/config/server.ts';
import type { TaskChange } from '../../src/data/change.ts';
import { Changes } from '../../src/server/changes.ts';
import { ServerCore } from '../../src/server/core/core.ts';
import { coreOptions } from '../../src/server/options.ts';
import { Retention } from '../../src/server/retention.ts';
import { Turns } from '../../src/server/turns.ts';
import { openStore } from '../../src/store/open.ts';
import type { TaskStore } from '../../src/store/store.ts';
import { attemptEnd, storedTasks, writes } from '../store/samples.ts';
import { handClock } from '../support/hand-clock.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** A file with three tasks that have failed. */
async function failedTasks(): Promise<TaskStore> {
  const store = await openStore(join(temporaryFolder(), 'tasks.db'));
  onTestFinished(() => store.close());
  await store.recover();
  const outcomes = [0, 0, 3, 0, 0, 0, 0];
  const counts = { submitted: 3, outcomes, retried: 0, groups: {} };
  await store.commit(
    writes({ tasks: storedTasks(1, 3), ends: [1, 2, 3].map((n) => attemptEnd(n, { outcome: 2, exitStatus: 1 })), counts }),
  );
  return store;
}

it.each<TaskChange['kind']>(['requeue', 'revert'])(
  'tasks that are forgotten while a %s has just found them are not queued again, and nobody waits for them',
  async (kind) => {
    const store = await failedTasks();
    const found = store.find.bind(store);
    store.find = async (filter) => {
      const rows = await found(filter);
      // Between the look and the commit: two of the three.
      await store.retain({ count: 1, before: null }, 10);
      return rows;
    };
    const { config } = parseServerOptions({});
    const time = { now: 0, wall: systemClock.wall() };
    const core = new ServerCore(coreOptions({ config, expectSource: true, onlyClients: null }), await store.recover(), time);
    const failed = (error: unknown): void => expect.unreachable(String(error));
    const turns = new Turns(core, store, systemClock, { perform() {}, stalled() {}, failed }, silentLogger);
    onTestFinished(() => turns.close());
    const changes = new Changes({ core, store, clock: systemClock, turns });
    const change = kind === 'requeue' ? { kind } : ({ kind: 'revert' } as const);
    expect(await changes.change({ numbers: [1, 2, 3] }, change as TaskChange)).toBe(1);
    core.check();
    expect([core.counts.pending, core.ready]).toEqual([1, 1]);
    const { counts, ready } = await store.recover();
    expect([counts.outcomes[0], counts.groups, ready]).toEqual([1, { 0: 1 }, 1]);
  },
);

it('as many are forgotten at a time as the store says', async () => {
  const asked: number[] = [];
  const retain = (_limits: unknown, most: number): number => {
    asked.push(most);
    return asked.length < 3 ? most : 0;
  };
  for (const retainAtOnce of [undefined, 2_000]) {
    const { clock, fire } = handClock();
    const store = { durable: true, retain, ...(retainAtOnce === undefined ? {} : { retainAtOnce }) } as unknown as TaskStore;
    const retention = new Retention(store, { count: 10, age: null }, clock, (error) => expect.unreachable(String(error)));
    for (let i = 0; i < 3; i++) {
      fire();
      await Promise.resolve();
    }
    retention.close();
    expect(asked.splice(0)).toEqual(Array.from({ length: 3 }, () => retainAtOnce ?? 200));
  }
});
