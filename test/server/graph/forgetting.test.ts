/** What a program sees of tasks that its session and its server have let go. */
import { expect, onTestFinished, test } from 'vitest';
import { Client } from '../../../src/session/client.ts';
import { Task } from '../../../src/session/task.ts';
import { GraphRig, rigKey } from '../../support/graph-rig.ts';

test('tasks that have ended and are of no further use can be waited for, updated and drawn as before', async () => {
  const rig = await GraphRig.open();
  await rig.client();
  const client = new Client('localhost', rig.port, { auth: rigKey });
  onTestFinished(() => client.close());
  const session = await client.newSession();
  const [first, second, kept] = await session.bindOnly(() => {
    const made = new Task([], 1, { taskType: 'concat', name: 'made' });
    const read = new Task([['part', made]], ['whole'], { taskType: 'concat' });
    const other = new Task([made], 1, { taskType: 'concat' });
    return [made, read, other] as const;
  });
  kept.output.keep();
  await session.submit();
  const before = session.makeGraph();
  await session.waitAll();
  // Nothing is left of the one; the other's output is kept, and made from the first.
  expect(session.submitted().tasks.map(({ id }) => id.id)).toEqual([kept.id.id]);
  expect(session.makeGraph().toDot().split('\n').sort()).toEqual(before.toDot().split('\n').sort());
  await session.wait([first, second, second.output]);
  await session.update([first, second, second.output]);
  expect([first.state, second.state, second.output.state]).toEqual(['finished', 'finished', 'removed']);
  expect(second.info).toMatchObject({ error: '', startedAt: expect.any(Number), client: first.info?.client });
  expect(await session.explain(second)).toBe('it has finished');
  await session.unkeep([kept]);
  expect(session.submitted()).toEqual({ tasks: [], objects: [] });
  expect(session.makeGraph().size).toBe(before.size);
  const late = await session.bindOnly(() => new Task([second], 1, { taskType: 'concat' }));
  await expect(session.submit()).rejects.toThrow(/was removed, since nothing needed it: keep it/);
  expect(late.state).toBeNull();
});

test('whoever looks on sees them with the others, in parts', async () => {
  const rig = await GraphRig.open();
  await rig.client();
  const client = new Client('localhost', rig.port, { auth: rigKey });
  onTestFinished(() => client.close());
  const session = await client.newSession();
  await session.bindOnly(() => {
    const made = new Task([], 1, { taskType: 'concat', name: 'made' });
    new Task([made], 1, { taskType: 'concat' }).output.keep();
    new Task([new Task([], 1, { taskType: 'concat' })], ['end'], { taskType: 'concat' });
  });
  await session.submit();
  await session.waitAll();
  const looker = await rig.dial();
  const parts = [];
  for (let from: number | null = 0; from !== null; ) {
    const part: Awaited<ReturnType<typeof looker.ask<'graph.show'>>> = await looker.ask('graph.show', {
      session: session.sessionId,
      from,
      limit: 3,
    });
    parts.push(part);
    from = part.next;
  }
  expect(parts.map(({ nodes }) => nodes.length)).toEqual([3, 3, 2]);
  const nodes = parts.flatMap((part) => part.nodes);
  expect(nodes.map(({ kind, state }) => `${kind} ${state}`).sort()).toEqual([
    'object finished',
    'object removed',
    'object removed',
    'object removed',
    ...Array.from({ length: 4 }, () => 'task finished'),
  ]);
  expect(nodes.find(({ name }) => name === 'end')).toMatchObject({ kind: 'object', inputs: 1, outputs: 0, size: 0 });
  const ends = nodes.filter(({ kind }) => kind === 'task').map(({ id, inputs, outputs }) => ({ id, links: inputs + outputs }));
  const edges = parts.flatMap((part) => part.edges);
  for (const { id, links } of ends) expect(edges.filter((edge) => edge.includes(id))).toHaveLength(links);
});
