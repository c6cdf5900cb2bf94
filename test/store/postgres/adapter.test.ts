import { expect, test } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import type { TaskStore } from '../../../src/store/store.ts';
import { describeNames } from '../../contract/names.ts';
import { describeStore } from '../../contract/store.ts';
import { until } from '../../support/until.ts';
import { storedTasks, writes } from '../samples.ts';
import { usePostgres } from './database.ts';

const postgres = usePostgres();

describeStore('postgres', async () => {
  const url = postgres.schema();
  let store = await openStore(url);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openStore(url);
      return store;
    },
    destroy: async () => store.close(),
  };
});

const namesOf = ({ names }: TaskStore): NonNullable<TaskStore['names']> => {
  if (names === undefined) throw new Error('this store keeps no names');
  return names;
};

describeNames('postgres', async () => {
  const url = postgres.schema();
  let store = await openStore(url);
  return {
    names: namesOf(store),
    async reopen() {
      await store.close();
      store = await openStore(url);
      return namesOf(store);
    },
    destroy: async () => store.close(),
  };
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
