/** The tiers of the ready window keep no trace of what left them. */
import { expect, it } from 'vitest';
import { demandOf } from '../../../src/server/core/demand.ts';
import { CoreTask } from '../../../src/server/core/entities.ts';
import { LaneKind } from '../../../src/server/core/kind.ts';
import { Tiers } from '../../../src/server/core/tiers.ts';
import { newTaskRow } from '../../../src/store/new-task.ts';

it('holds a bounded number of rows, however many different demands have come and gone', () => {
  const tiers = new Tiers();
  const stays = new CoreTask(newTaskRow(1, 0, [0, 'stays', null, null], 0), { now: 0, wall: 0 });
  tiers.insert(stays, new LaneKind(null, null, []));
  for (let n = 2; n < 1_000; n++) {
    const attributes = { memory: n };
    const task = new CoreTask(newTaskRow(n, 0, [0, 'goes', null, attributes], 0), { now: 0, wall: 0 });
    tiers.insert(task, new LaneKind(`${n}`, demandOf(attributes), []));
    expect(tiers.remove(task)).toBe(true);
  }
  expect([...tiers]).toEqual([stays]);
  expect(tiers.all[0]!.rows.length).toBeLessThan(30);
  expect([...tiers.problems()]).toEqual([]);
});
