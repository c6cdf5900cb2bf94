import { expect, test } from 'vitest';
import type { NodeInfo, WireNode, WireObject } from '../../src/protocol/graph-messages.ts';
import { taskTypes } from '../../src/session/task-types.ts';
import { DrivenSession, Driver, node, result } from '../support/graph-rig.ts';
import { until } from '../support/until.ts';
import { startProgram, startServer } from './rig.ts';

const MiB = 2 ** 20;
/** Real processes that move 10 MiB at a time, on a machine that does other things too (ms). */
const patience = 60_000;

/** Lines of tasks: the first makes 10 MiB of ten constants, the others pass it on after a moment. */
const lines = 40;
const length = 50;
const constants = Array.from({ length: 10 }, (_, i) => i);
const taskOf = (line: number, link: number): number => 10_000 + line * length + link;
const objectOf = (line: number, link: number): number => 100_000 + line * length + link;

function graph(): { objects: WireObject[]; tasks: WireNode[] } {
  const objects: WireObject[] = constants.map((id) => [id, 'part', 0, false, Buffer.alloc(MiB, id + 1), null]);
  const tasks: WireNode[] = [];
  for (let line = 0; line < lines; line++) {
    for (let link = 0; link < length; link++) {
      objects.push(result(objectOf(line, link), link === length - 1));
      const maker = node(taskOf(line, 0), taskTypes.concat, [...constants], [objectOf(line, 0)]);
      const passing = node(taskOf(line, link), taskTypes.sleep, [objectOf(line, link - 1)], [objectOf(line, link)], '{"ms":4}');
      tasks.push(link === 0 ? maker : passing);
    }
  }
  return { objects, tasks };
}

test('kill -9 of one of three clients in the middle of 2,000 tasks with objects of 10 MiB: the result is right, and only what was lost is made again', async () => {
  const server = await startServer({ foreverMode: true, reconnectGrace: 0.5 });
  if (!('host' in server.address)) throw new Error('it listens on a port');
  const { address } = server;
  const programs = Array.from({ length: 3 }, () => startProgram('work.mjs', { address, numTasks: 2 }));
  await until(() => programs.every((program) => program.last('id') !== undefined), 'the clients are connected', patience);
  const session = await DrivenSession.open(await Driver.dial(server.address));
  const { objects, tasks } = graph();
  // Ten constants of this size fit into a message, with the graph they would not.
  await session.driver.ask('graph.submit', { session: session.session, objects: objects.slice(0, 10), tasks: [], last: false });
  await session.submit(objects.slice(10), tasks);
  const finished = async (): Promise<number> => (await session.driver.ask('graph.progress', { session: session.session })).finished;
  const [victim] = programs;
  const ids = tasks.map(([id]) => id);
  const known = (): Promise<NodeInfo[]> => session.driver.ask('graph.update', { session: session.session, items: ids });
  await until(
    async () => (await finished()) > 700 && (await known()).some((info) => info.state === 'finished' && info.client === victim!.last('id')),
    'it is in the middle',
    patience,
  );
  // It stands still first, so that what ended there can be counted: what it has told is heard when the count does not change any more.
  process.kill(victim!.pid, 'SIGSTOP');
  let ended: number[] | null = null;
  await until(
    async () => {
      const before = ended?.length;
      ended = (await known()).filter(({ state, client }) => state === 'finished' && client === victim!.last('id')).map(({ id }) => id);
      return ended.length === before;
    },
    'what it told is heard',
    patience,
  );
  const lost: number[] = ended ?? [];
  await victim!.kill();
  await session.wait();
  const progress = await session.driver.ask('graph.progress', { session: session.session });
  expect(progress).toMatchObject({ finished: lines * length, failed: 0, waiting: 0, ready: 0, running: 0 });
  expect(progress.recomputed).toBeGreaterThan(0);
  expect(progress.recomputed).toBeLessThanOrEqual(lost.length);
  const expected = Buffer.concat(constants.map((id) => Buffer.alloc(MiB, id + 1)));
  // The lines that the lost client had last, and one that others had.
  const lastLines = new Set(lost.slice(-60).map((task) => Math.floor((task - 10_000) / length)));
  for (const line of [0, ...lastLines].slice(0, 4)) expect((await session.fetch(objectOf(line, length - 1))).equals(expected)).toBe(true);
}, 180_000);
