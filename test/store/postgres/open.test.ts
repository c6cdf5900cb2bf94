/** Who may open a database of PostgreSQL: rights, certificates, schemas of others and of other versions, and one holder at a time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { openStore } from '../../../src/store/open.ts';
import { readHolder } from '../../../src/store/postgres/holder.ts';
import type { TaskStore } from '../../../src/store/store.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { attemptEnd, completedNumbers, storedTasks, writes } from '../samples.ts';
import { usePostgres } from './database.ts';

let certificate = '';
const postgres = usePostgres({
  settings: { ssl: 'on', ssl_cert_file: 'cert.pem', ssl_key_file: 'key.pem' },
  async prepare(folder) {
    const made = await generate([{ name: 'commonName', value: 'db' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    certificate = made.cert;
    const paths = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    writeFileSync(paths[0]!, made.cert);
    writeFileSync(paths[1]!, made.private, { mode: 0o600 });
    return paths;
  },
});

async function opened(url: string, access: 'read' | 'write' = 'write'): Promise<TaskStore> {
  const store = await openStore(url, { access });
  onTestFinished(() => store.close());
  return store;
}

async function failure(url: string, access: 'read' | 'write' = 'write'): Promise<{ code: string; message: string; details: unknown }> {
  const error = await openStore(url, { access }).then(
    async (store) => {
      await store.close();
      return null;
    },
    (thrown: unknown) => thrown,
  );
  return error as { code: string; message: string; details: unknown };
}

test('a second server is refused while the first lives, and let in when it has ended', async () => {
  const url = await postgres.database();
  const first = await opened(url);
  await first.recover();
  expect(await failure(url)).toMatchObject({ code: 'ERR_DATABASE_IN_USE' });
  await first.commit(writes({ tasks: storedTasks(1, 3), ends: [attemptEnd(2)] }));
  const reader = await opened(url, 'read');
  expect(await completedNumbers(reader)).toEqual([2]);
  await expect(reader.commit(writes())).rejects.toMatchObject({ code: 'ERR_DATABASE' });
  await first.close();
  const second = await opened(url);
  expect(await second.recover()).toMatchObject({ epoch: 2, nextTask: 4, ready: 2, endedCleanly: true });
});

test('a holder whose session is gone is replaced, and what it still says is refused', async () => {
  const url = await postgres.database();
  const first = await opened(url);
  await first.recover();
  // As if its machine was gone: its sessions end, and it gives no more signs of life.
  await postgres.query(url, `alter table millrace.state rename to hidden`);
  await postgres.query(url, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'millrace'`);
  await postgres.query(url, `alter table millrace.hidden rename to state`);
  await postgres.query(
    url,
    `update millrace.state set seen_at = clock_timestamp() - interval '1 hour', session = 'gone', epoch = epoch + 1`,
  );
  const second = await opened(url);
  expect(await second.recover()).toMatchObject({ epoch: 3, endedCleanly: false });
  await second.commit(writes({ tasks: storedTasks(1, 2) }));
  await expect(first.commit(writes({ tasks: storedTasks(1, 5) }))).rejects.toMatchObject({
    code: 'ERR_DATABASE_IN_USE',
    details: { lasting: true },
  });
  expect(await second.count({})).toBe(2);
});

test('many that open an empty database at once make its tables once, and one of them holds it', async () => {
  const url = await postgres.database();
  const all = await Promise.allSettled(Array.from({ length: 4 }, () => openStore(url)));
  const stores = all.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(stores).toHaveLength(1);
  for (const result of all) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'ERR_DATABASE_IN_USE' });
  expect(await stores[0]!.recover()).toMatchObject({ epoch: 1, nextTask: 1 });
  await stores[0]!.close();
});

test('two schemas of one database are two queues, and one of another program is left alone', async () => {
  const url = await postgres.database();
  const [first, second] = [await opened(`${url}?schema=one`), await opened(`${url}?schema=two`)];
  await first.recover();
  await second.recover();
  await first.commit(writes({ tasks: storedTasks(1, 3) }));
  expect([await first.count({}), await second.count({})]).toEqual([3, 0]);
  await postgres.query(url, 'create schema theirs');
  await postgres.query(url, 'create table theirs.meta (name text, value text)');
  await postgres.query(url, 'create schema others');
  await postgres.query(url, 'create table others.thing (x int)');
  for (const schema of ['theirs', 'others'])
    expect(await failure(`${url}?schema=${schema}`)).toMatchObject({ code: 'ERR_DATABASE_FOREIGN' });
  expect(await failure(`${url}?schema=none`, 'read')).toMatchObject({ code: 'ERR_DATABASE_FOREIGN' });
});

test('a schema of a newer version is refused and not changed, one with harmless additions is used', async () => {
  const url = await postgres.database();
  await (await openStore(url)).close();
  await postgres.query(url, `update millrace.meta set value = 99 where name = 'version'`);
  await (await openStore(url)).close();
  await postgres.query(url, `update millrace.meta set value = 98 where name = 'needs'`);
  const before = await postgres.query(url, 'select * from millrace.state');
  expect(await failure(url)).toMatchObject({ code: 'ERR_DATABASE_VERSION', details: { needs: 98 } });
  expect(await postgres.query(url, 'select * from millrace.state')).toEqual(before);
});

test('a role that may use the tables, and nothing else, is enough; one that may only read can look on', async () => {
  const url = await postgres.database();
  await (await openStore(url)).close();
  const name = new URL(url).pathname.slice(1);
  for (const role of ['worker', 'watcher']) await postgres.query(url, `create role ${role} login`);
  await postgres.query(url, `revoke create on database ${name} from public`);
  await postgres.query(url, 'grant usage on schema millrace to worker, watcher');
  await postgres.query(url, 'grant select, insert, update, delete on all tables in schema millrace to worker');
  await postgres.query(url, 'grant execute on all functions in schema millrace to worker');
  await postgres.query(url, 'grant select on all tables in schema millrace to watcher');
  const worker = await opened(postgres.server.url(name, 'worker'));
  await worker.recover();
  await worker.commit(writes({ tasks: storedTasks(1, 2_000), ends: [attemptEnd(1)], removed: [2] }));
  expect(await worker.retain({ count: 0, before: null }, 5)).toBe(1);
  const watcher = await opened(postgres.server.url(name, 'watcher'), 'read');
  expect(await watcher.count({})).toBe(1_998);
  expect(await failure(postgres.server.url(name, 'watcher'))).toMatchObject({ code: 'ERR_DATABASE', details: { sqlstate: '42501' } });
  expect(await failure(`${postgres.server.url(name, 'worker')}?schema=mine`)).toMatchObject({
    code: 'ERR_DATABASE',
    details: { sqlstate: '42501', lasting: true },
  });
});

test('what cannot be reached or entered is told at once, and no message shows the password', async () => {
  const { port } = postgres.server;
  const errors = [
    await failure('postgres://postgres:hidden-word@127.0.0.1:1/db'),
    await failure(`postgres://postgres:hidden-word@127.0.0.1:${port}/none`),
    await failure(`postgres://nobody-here:hidden-word@127.0.0.1:${port}/postgres`),
  ];
  expect(errors.map(({ details }) => details)).toMatchObject([{ lasting: false }, { sqlstate: '3D000' }, { sqlstate: '28000' }]);
  for (const error of errors) {
    expect(error).toMatchObject({ code: 'ERR_DATABASE' });
    expect(error.message).toMatch(/^PostgreSQL 127\.0\.0\.1:\d+\/\w+ \(schema millrace\): /);
    expect(JSON.stringify([error.message, error.details, String((error as unknown as Error).cause)])).not.toContain('hidden-word');
  }
});

test('TLS: the certificate of the database is verified, unless the address says otherwise', async () => {
  const url = await postgres.database();
  const ca = join(temporaryFolder(), 'ca.pem');
  writeFileSync(ca, certificate);
  expect(await failure(`${url}?sslmode=verify-full`)).toMatchObject({ code: 'ERR_DATABASE', details: { lasting: true } });
  const store = await opened(`${url}?sslmode=verify-full&sslrootcert=${ca}`);
  await store.recover();
  expect(
    await postgres.query(
      url,
      `select bool_and(ssl) as all from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'millrace'`,
    ),
  ).toEqual([{ all: true }]);
  await store.close();
  await (await openStore(`${url}?sslmode=require`)).close();
});

test('the holder leaves word of where it is, without its key, until it closes', async () => {
  const url = await postgres.database();
  const store = await opened(url);
  expect((await readHolder(url, systemClock)).word).toBeNull();
  await store.announce?.({ address: { host: '127.0.0.1', port: 7 }, key: 'a key of this user', fingerprint: null });
  expect(JSON.parse((await readHolder(url, systemClock)).word ?? '')).toEqual({
    address: { host: '127.0.0.1', port: 7 },
    key: null,
    fingerprint: null,
  });
  await store.close();
  expect((await readHolder(url, systemClock)).word).toBeNull();
});

test('a database or a user whose settings would change what is stored is refused, with what to do', async () => {
  const url = await postgres.database();
  await postgres.query(url, "create database latin encoding 'LATIN1' template template0 locale 'C'");
  expect(await failure(postgres.server.url('latin'))).toMatchObject({
    code: 'ERR_DATABASE',
    message: expect.stringMatching(/encoding of this database is LATIN1.*encoding 'UTF8'/),
    details: { lasting: true },
  });
  for (const [name, value] of [
    ['array_nulls', 'off'],
    ['extra_float_digits', '0'],
  ] as const) {
    await postgres.query(url, `create role with_${name} login superuser`);
    await postgres.query(url, `alter role with_${name} set ${name} = ${value}`);
    const theirs = url.replace('postgres@', `with_${name}@`);
    for (const access of ['write', 'read'] as const)
      expect(await failure(theirs, access)).toMatchObject({ code: 'ERR_DATABASE', message: expect.stringContaining(`reset ${name}`) });
  }
});

test('the clock of the database is set: a holder that lives stays, and one that is dead is replaced all the same', async () => {
  const url = await postgres.database();
  const first = await opened(url);
  await first.recover();
  const forward = `update millrace.state set seen_at = clock_timestamp() - interval '1 hour'`;
  await postgres.query(url, forward);
  expect(await failure(url)).toMatchObject({ code: 'ERR_DATABASE_IN_USE' });
  await first.commit(writes({ tasks: storedTasks(1, 1) }));
  // Back: what it said last lies in the future, and its session is gone.
  await postgres.query(
    url,
    `update millrace.state set seen_at = clock_timestamp() + interval '1 hour', session = 'gone', epoch = epoch + 1`,
  );
  const second = await opened(url);
  expect(await second.recover()).toMatchObject({ epoch: 3, endedCleanly: false });
}, 60_000);
