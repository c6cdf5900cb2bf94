import { expect, test } from 'vitest';
import { newId, newOwnedId } from '../../src/base/ids.ts';
import type { StoredTask } from '../../src/store/store.ts';
import { publicId } from '../../src/task/id.ts';
import { outcomeCode } from '../../src/task/result.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { Member, startServer } from './members.ts';

expectNoLeaks();

const MiB = 2 ** 20;

const echo = (attributes: object | null = null): unknown => [0, 'echo', null, attributes];

/** A server with a task that an honest client holds, and a hostile one. */
async function held() {
  const server = await startServer();
  const submitter = await Member.join(server, 'submitter');
  const n = await submitter.submit(newId(), 1, echo());
  const honest = await Member.client(server);
  const [, grant] = await honest.heard('work');
  const hostile = await Member.client(server, 0);
  const witness = await Member.join(server, 'control');
  return { server, n, grant, honest, hostile, witness };
}

test('a result for a task that another client holds is refused and counted; the holder’s is recorded', async () => {
  const { n, grant, honest, hostile, witness } = await held();
  hostile.finish(grant, n);
  await hostile.heard('ack');
  expect(await witness.ask('progress')).toMatchObject({ succeeded: 0, duplicatesRefused: 1 });
  honest.finish(grant, n);
  await honest.heard('ack');
  expect(await witness.ask('progress')).toMatchObject({ succeeded: 1, duplicatesRefused: 1 });
});

test('a task of another client cannot be given back, started, or resumed', async () => {
  const { server, n, grant, honest, hostile, witness } = await held();
  hostile.send(['started', grant, [n, n]], ['back', [[grant, [n, n]]]]);
  const thief = await Member.join(server, 'client');
  thief.send(['resume', [[grant, [n, n]]]]);
  expect(await thief.heard('resumed')).toEqual(['resumed', [[grant, [n, n]]]]);
  expect(await witness.ask('progress')).toMatchObject({ leased: 1, running: 0 });
  honest.finish(grant, n);
  await honest.heard('ack');
  expect(await witness.ask('progress')).toMatchObject({ succeeded: 1 });
});

test.each([
  ['without a token', () => ''],
  ['with the token of its own id', () => newOwnedId().token],
  ['with a token made up', () => 'x'.repeat(43)],
])('a client that claims the id of another %s is cut off, and the other goes on', async (_, make) => {
  const { server, n, grant, honest, witness } = await held();
  const clients = (await witness.ask('clients')) as { id: string; leased: number }[];
  const { id } = clients.find(({ leased }) => leased === 1)!;
  const thief = await Member.join(server, 'client', { id, token: make() });
  expect(await thief.gone()).not.toBeNull();
  expect(honest.ended).toBeUndefined();
  honest.finish(grant, n);
  await honest.heard('ack');
  expect(await witness.ask('progress')).toMatchObject({ succeeded: 1, clients: 2 });
});

test('a client that comes back with its token takes its older connection’s place', async () => {
  const server = await startServer();
  const own = newOwnedId();
  const first = await Member.client(server, 0, own);
  await Member.client(server, 0, own);
  await first.gone();
});

test('a client may ask for nothing but the parents of what it holds', async () => {
  const { n, hostile } = await held();
  for (const [method, parameters] of [
    ['cancel', { numbers: [n] }],
    ['find', {}],
    ['clients', null],
    ['change', { change: { kind: 'delete' } }],
    ['listen', { names: ['completed'] }],
  ] as const)
    await expect(hostile.ask(method, parameters)).rejects.toMatchObject({ code: 'ERR_PROTOCOL' });
  await expect(hostile.ask('parents', { n })).rejects.toMatchObject({ code: 'ERR_STATE' });
  await expect(hostile.ask('parents', { n: -1 })).rejects.toMatchObject({ code: 'ERR_STATE' });
});

test.each([
  ['nothing of the kind', 'x'],
  ['a stream that is none', { stdout: 7, stderr: null }],
  ['more than was asked for', { stdout: { content: 'x'.repeat(65), cut: true }, stderr: null }],
  ['more fields', { stdout: null, stderr: null, path: '/etc' }],
])('a client that answers with %s when it is asked for the output of a task is not believed', async (_, answer) => {
  const { n, grant, honest, witness } = await held();
  honest.send(['started', grant, [n, n]]);
  await until(async () => ((await witness.ask('progress')) as { running: number }).running === 1);
  const [row] = (await witness.ask('find', {})) as [StoredTask];
  const [, { salt }] = await witness.heard('welcome');
  const asked = witness.ask('output', { id: publicId(row, salt), limit: 64 });
  const [, question, method, parameters] = await honest.heard('?');
  expect([method, parameters]).toEqual(['output', { n, limit: 64 }]);
  honest.send(['=', question, answer]);
  await expect(asked).rejects.toMatchObject({ code: 'ERR_PROTOCOL' });
  expect(honest.ended).toBeUndefined();
});

test.each([
  ['a submission', ['submit', 'x', 1, [], false]],
  ['a grant', ['work', 1, 1, []]],
  ['a cancellation', ['cancel', []]],
  ['an end', ['end', 'stopped']],
  ['a second resume', ['resume', []]],
  ['results out of their turn', ['results', 9, []]],
  ['an outcome that no client can know', ['results', 1, [[1, []]]]],
])('a client that sends %s is cut off, and no other', async (what, message) => {
  const { n, grant, honest, hostile, witness } = await held();
  if (what.startsWith('an outcome')) {
    honest.send(['results', 1, [[grant, [[n, outcomeCode.cancelled, null, null, 0, null, null]]]]]);
    await honest.gone();
    expect(await witness.ask('progress')).toMatchObject({ cancelled: 0 });
    return;
  }
  hostile.send(message);
  await hostile.gone();
  expect(honest.ended).toBeUndefined();
  expect(await witness.ask('progress')).toMatchObject({ submitted: 1, leased: 1 });
});

test.each([
  ['a beginning beyond all dates', [outcomeCode.succeeded, 0, 1e300, 1, 0, null]],
  ['a negative duration', [outcomeCode.succeeded, 0, 1, -1, 0, null]],
  ['a duration beyond all dates', [outcomeCode.succeeded, 0, 1, 1e300, 0, null]],
  ['bytes where a text belongs', [outcomeCode.succeeded, 0, 1, 1, 0, { command: new Uint8Array(3) }]],
  ['a field that nobody knows', [outcomeCode.succeeded, 0, 1, 1, 0, { toString: 'x' }]],
])('a result with %s costs its client the connection; the task goes to another', async (_, result) => {
  const { server, n, grant, honest, witness } = await held();
  honest.send(['results', 1, [[grant, [[n, ...result]]]]]);
  await honest.gone();
  const next = await Member.client(server);
  expect(await witness.ask('progress')).toMatchObject({ succeeded: 0, failed: 0, pending: 1 });
  expect(next.ended).toBeUndefined();
});

test('ranges and wants beyond all bounds claim nothing that is not there', async () => {
  const { n, grant, hostile, witness } = await held();
  hostile.send(['want', 2 ** 52, 2 ** 32 - 1, 2 ** 32 - 1], ['started', grant, [0, 65_535]], ['back', [[grant, [0, 65_535]]]]);
  expect(await witness.ask('progress')).toMatchObject({ leased: 1, running: 0 });
  hostile.send(['back', [[grant, [0, 65_536]]]]);
  await hostile.gone();
  expect(await witness.ask('count', { numbers: [n] })).toBe(1);
});

test('a client with a thousand large tags and one that floods with starts are served as all, beside others that are not held up', async () => {
  const { server, grant, honest, n, witness } = await held();
  const tags = Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`tag${i}`, 'x'.repeat(100)]));
  await Member.client(server, 0, { client: { slots: 65_536, cores: 1e9, memory: 1e15, resources: {}, tags } });
  const flooding = await Member.client(server, 0);
  for (let i = 0; i < 20_000; i++) flooding.send(['started', grant, [n, n]]);
  for (let i = 0; i < 20_000; i++) flooding.send(['progress', [[grant, [[n, '1']]]]]);
  honest.finish(grant, n);
  await honest.heard('ack');
  expect(await witness.ask('progress')).toMatchObject({ succeeded: 1 });
});

test('a client that never reads its answers is cut off when too much waits for it', async () => {
  const server = await startServer();
  const submitter = await Member.join(server, 'submitter');
  const [submission, parent] = [newId(), newId()];
  const honest = await Member.client(server, 1);
  const first = await submitter.submit(submission, 1, echo({ id: parent }));
  const [, grant] = await honest.heard('work');
  const output = { stdout: new Uint8Array(MiB) };
  honest.send(['results', 1, [[grant, [[first, outcomeCode.succeeded, 0, 1_700_000_000_000, 1, 0, output]]]]]);
  await honest.heard('ack');
  const hostile = await Member.client(server, 1);
  const child = await submitter.submit(submission, 2, echo({ dependsOn: [parent] }));
  await hostile.heard('work');
  expect(await hostile.ask('parents', { n: child })).toEqual([expect.objectContaining({ id: parent, stdout: expect.any(Uint8Array) })]);
  hostile.connection.pause();
  const before = process.memoryUsage().rss;
  let most = 0;
  for (let id = 1_000; id < 2_000; id++) hostile.send(['?', id, 'parents', { n: child }]);
  const witness = await Member.join(server, 'control');
  await until(async () => {
    most = Math.max(most, process.memoryUsage().rss - before);
    const clients = (await witness.ask('clients')) as { leased: number; connected: boolean }[];
    return clients.some(({ leased, connected }) => leased === 1 && !connected);
  }, 'its end');
  // 64 MiB may wait for it: of a thousand answers of 1 MiB no more than that were made.
  expect(most).toBeLessThan(250 * MiB);
  expect(honest.ended).toBeUndefined();
});
