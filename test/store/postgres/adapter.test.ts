import { expect, test } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { describeNames } from '../../contract/names.ts';
import { describeSessions } from '../../contract/sessions.ts';
import { describeStore } from '../../contract/store.ts';
import { until } from '../../support/until.ts';
import { storedTasks, writes } from '../samples.ts';
import { namesAt, namesOf, sessionsAt, sessionsOf, storeAt, usePostgres } from './database.ts';

const postgres = usePostgres();

describeStore('postgres', () => storeAt(postgres.schema()));

describeNames('postgres', () => namesAt(postgres.schema()));

describeSessions('postgres', () => sessionsAt(postgres.schema()));

test('a server that has lost the queue writes nothing of its sessions, and a reader neither', async () => {
  const url = postgres.schema();
  const first = await openStore(url);
  const row = { sessions: [{ n: 1, facts: 'one' }], entries: [{ session: 1, body: 'begin' }], closed: [] };
  await sessionsOf(first).write(row);
  const second = { sessions: [], entries: [{ session: 1, body: 'more' }], closed: [] };
  await postgres.query(url, `update ${new URL(url).searchParams.get('schema')}.state set epoch = epoch + 1`);
  await expect(sessionsOf(first).write(second)).rejects.toMatchObject({ code: 'ERR_DATABASE_IN_USE' });
  await first.close();
  const reader = await openStore(url, { access: 'read' });
  expect(await sessionsOf(reader).all()).toEqual(row.sessions);
  await expect(sessionsOf(reader).write(second)).rejects.toMatchObject({ code: 'ERR_DATABASE' });
  const history: unknown[] = [];
  for await (const part of sessionsOf(reader).history(1)) history.push(...part);
  expect(history).toEqual(['begin']);
  await reader.close();
});

test('a server that has lost the queue puts and removes no names, and a reader neither', async () => {
  const url = postgres.schema();
  const first = await openStore(url);
  const row = { name: 'a'.repeat(20_000), uri: 'mill:a@host:1', metadata: [], lease: null, renewedAt: 1 };
  await namesOf(first).put([row]);
  const schema = new URL(url).searchParams.get('schema');
  await postgres.query(url, `update ${schema}.state set epoch = epoch + 1`);
  await expect(namesOf(first).put([{ ...row, uri: 'mill:b@host:1' }])).rejects.toMatchObject({ code: 'ERR_DATABASE_IN_USE' });
  await expect(namesOf(first).remove([row.name])).rejects.toMatchObject({ code: 'ERR_DATABASE_IN_USE' });
  await first.close();
  const reader = await openStore(url, { access: 'read' });
  expect(await namesOf(reader).all()).toEqual([row]);
  await expect(namesOf(reader).remove([row.name])).rejects.toMatchObject({ code: 'ERR_DATABASE' });
  await reader.close();
});

test('statistics are taken after the first bulk of tasks, without waiting for what the database does by itself', async () => {
  const url = postgres.schema();
  const store = await openStore(url);
  await store.recover();
  const known = async (): Promise<number> => {
    const [row] = await postgres.query(url, 'select reltuples::int as rows from pg_class where oid = $1::regclass', [
      `${new URL(url).searchParams.get('schema')}.task`,
    ]);
    return Number(row?.rows);
  };
  await store.commit(writes({ tasks: storedTasks(1, 900) }));
  await store.commit(writes({ tasks: storedTasks(901, 1_500) }));
  await until(async () => (await known()) === 1_500);
  await store.close();
});
