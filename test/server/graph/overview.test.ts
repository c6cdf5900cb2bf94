/** What whoever looks on is told of sessions that others have. */
import { expect, test, vi } from 'vitest';
import { mostLinks } from '../../../src/protocol/graph-views.ts';
import { blob, GraphRig, node, result } from '../../support/graph-rig.ts';

const loaded = vi.hoisted(() => ({ hosts: 0 }));
// As it is; told when it is loaded.
vi.mock('../../../src/server/graph/host.ts', async (original) => {
  loaded.hosts += 1;
  return original();
});

test('where no session was ever opened nothing of graphs is loaded to say so', async () => {
  const rig = await GraphRig.open();
  const looker = await rig.dial();
  expect(await looker.ask('graph.overview', { from: 0, limit: 10 })).toEqual({ sessions: [], next: null });
  for (const name of ['graph.show', 'graph.end-session'] as const)
    await expect(looker.ask(name, { session: 1, from: 0, limit: 10 })).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  expect(loaded.hosts).toBe(0);
  await rig.session();
  expect(loaded.hosts).toBe(1);
});

test('a part of a graph has at most so many links, also of one task, and the next part goes on after it', async () => {
  const rig = await GraphRig.open();
  const { session, driver } = await rig.session();
  const looker = await rig.dial();
  const many = Array.from({ length: mostLinks + 5 }, () => 0);
  const objects = [blob(0, 'x'), result(1), result(2)];
  const tasks = [node(10, 'concat', [0], [1]), node(11, 'concat', many, [2])];
  await driver.ask('graph.submit', { session, objects, tasks, last: true });
  const first = await looker.ask('graph.show', { session, from: 0, limit: 100 });
  expect(first.edges).toEqual([
    [0, 10],
    [10, 1],
  ]);
  const second = await looker.ask('graph.show', { session, from: first.next!, limit: 100 });
  expect(second.edges).toHaveLength(mostLinks);
  expect(second.nodes).toMatchObject([{ id: 11, inputs: mostLinks + 5, outputs: 1 }]);
  expect(second.next).toBeNull();
  await expect(looker.ask('graph.show', { session, from: 0, limit: 1_001 })).rejects.toMatchObject({ code: 'ERR_PROTOCOL' });
});
