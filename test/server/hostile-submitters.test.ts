import { expect, test } from 'vitest';
import { newId } from '../../src/base/ids.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { Member, startServer } from './members.ts';

expectNoLeaks();

const echo = (attributes: object | null = null): unknown => [0, 'echo', null, attributes];

const poison: readonly (readonly [what: string, attributes: object])[] = [
  ['a cron line that is none', { cron: 'at tea time' }],
  ['a time zone that is none', { cron: '* * * * *', timezone: 'Middle/Earth' }],
  ['a negative number of cores', { cores: -1 }],
  ['negative memory', { memory: -1 }],
  ['a negative resource', { resources: { gpu: -5 } }],
  ['a negative time-out', { timeout: -1 }],
  ['a start beyond all dates', { startAfter: 1e300 }],
  ['a negative delay', { startDelay: -1 }],
  ['a priority that is no whole number', { priority: 0.5 }],
  ['a priority beyond all bounds', { priority: 1e300 }],
  ['a group beyond all bounds', { group: 2 ** 32 - 1 }],
  ['an id that is none', { id: 'x' }],
  ['a key of a megabyte', { key: 'k'.repeat(2 ** 20) }],
  ['a back-off that goes backwards', { backoff: { delay: -1, factor: 2, max: 1, jitter: 0 } }],
  ['a back-off that shrinks', { backoff: { delay: 1, factor: 0, max: 1, jitter: 0 } }],
  ['more chance than there is', { backoff: { delay: 1, factor: 2, max: 1, jitter: 9 } }],
  ['a variable with a line break in its name', { env: { 'A=1\nB': 'x' } }],
  ['a variable with a NUL', { env: { A: '\0' } }],
  ['an empty working directory', { cwd: '' }],
  ['attempts beyond all bounds', { earlierAttempts: 2 ** 32 - 1 }],
];

test.each(poison)('a task with %s costs its submitter the connection, and the server nothing', async (_, attributes) => {
  const server = await startServer();
  const hostile = await Member.join(server, 'submitter');
  hostile.send(['submit', newId(), 1, [echo(), echo(attributes)], false]);
  expect(await hostile.gone()).not.toBeNull();
  const good = await Member.join(server, 'submitter');
  await good.submit(newId(), 1, echo());
  const witness = await Member.join(server, 'control');
  expect(await witness.ask('progress')).toMatchObject({ submitted: 1, pending: 1, rejected: 0 });
});

test.each([
  ['work', ['work', 1, 1, []]],
  ['results', ['results', 1, []]],
  ['want', ['want', 1, 9, 9]],
  ['resume', ['resume', []]],
  ['back', ['back', []]],
  ['welcome', ['welcome', { id: 'x', host: 'x', epoch: 1, salt: 'x', heartrate: 1, evictAfter: 1 }]],
  ['drain', ['drain']],
  ['end', ['end', 'stopped']],
] as const)('the message %s of others is not for submitters to send', async (_, message) => {
  const server = await startServer();
  const hostile = await Member.join(server, 'submitter');
  hostile.send(message);
  await hostile.gone();
  const witness = await Member.join(server, 'control');
  expect(await witness.ask('progress')).toMatchObject({ submitted: 0, clients: 0 });
});

test('the tasks of another submitter cannot be overwritten, nor its ids taken', async () => {
  const server = await startServer();
  const [good, hostile] = [await Member.join(server, 'submitter'), await Member.join(server, 'submitter')];
  const id = newId();
  const n = await good.submit(newId(), 1, [0, 'echo good', null, { id, key: 'mine' }]);
  hostile.send([
    'submit',
    newId(),
    1,
    [
      [0, 'echo hostile', null, { id }],
      [0, 'echo hostile', null, { key: 'mine' }],
    ],
    false,
  ]);
  const [, , , receipt] = await hostile.heard('submitted');
  expect(receipt).toMatchObject({
    count: 0,
    duplicates: [
      [0, n],
      [1, n],
    ],
  });
  const witness = await Member.join(server, 'control');
  expect(JSON.stringify(await witness.ask('find', {}))).not.toContain('hostile');
});

test('who does not know the id of a submitter can add nothing in its name, nor end it, and nobody is told that id', async () => {
  const server = await startServer({ foreverMode: false });
  const good = await Member.join(server, 'submitter');
  const submitter = newId();
  good.send(['submitter-open', submitter]);
  await good.submit(submitter, 1, echo());
  const hostile = await Member.join(server, 'control');
  hostile.send(['submitter-done', newId()]);
  await hostile.ask('listen', { names: ['submitted', 'scheduled', 'started', 'completed', 'progress', 'clientJoined', 'clientLeft'] });
  for (const question of ['progress', 'clients'] as const) expect(JSON.stringify(await hostile.ask(question))).not.toContain(submitter);
  expect(JSON.stringify(await hostile.ask('find', {}))).not.toContain(submitter);
  await good.submit(submitter, 2, echo());
  expect(JSON.stringify(hostile.messages)).not.toContain(submitter);
  expect(await hostile.ask('progress')).toMatchObject({ submitted: 2 });
});

test('a bundle out of its turn is refused: nothing of it is taken', async () => {
  const server = await startServer();
  const hostile = await Member.join(server, 'submitter');
  hostile.send(['submit', newId(), 7, [echo()], false]);
  await hostile.gone();
  const witness = await Member.join(server, 'control');
  expect(await witness.ask('progress')).toMatchObject({ submitted: 0 });
});

test('questions with nonsense in them are refused one by one, and cost nothing else', async () => {
  const server = await startServer();
  const hostile = await Member.join(server, 'control');
  const nonsense: unknown[] = [
    null,
    5,
    'x',
    [],
    {},
    { numbers: 'x' },
    { where: [[]] },
    { orderBy: '__proto__' },
    { limit: -1 },
    { constructor: 1 },
  ];
  const methods = [
    'progress',
    'clients',
    'cancel',
    'change',
    'get',
    'find',
    'numbers',
    'count',
    'page',
    'openCursor',
    'listen',
    'read',
    'explain',
    'output',
  ];
  for (const method of [...methods, 'constructor', '__proto__', 'toString', 'stop', 'pause', ''])
    for (const parameters of nonsense) void hostile.ask(method, parameters).catch(() => {});
  const witness = await Member.join(server, 'control');
  expect(await witness.ask('progress')).toMatchObject({ submitted: 0 });
});

test('whoever holds the key may cancel what others have submitted', async () => {
  const server = await startServer();
  const good = await Member.join(server, 'submitter');
  const n = await good.submit(newId(), 1, echo());
  const hostile = await Member.join(server, 'control');
  expect(await hostile.ask('cancel', { numbers: [n] })).toBe(1);
});
