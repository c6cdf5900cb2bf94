import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { holderOf } from '../../src/submit/holder.ts';
import { temporaryFolder } from '../support/temporary.ts';

const key = 'a key of both sides';
const fingerprint = 'ab'.repeat(32);

async function found(text: string, given: { auth?: string; tls?: object } = {}): Promise<unknown> {
  const database = join(temporaryFolder(), 'tasks.db');
  writeFileSync(`${database}.server`, text);
  return holderOf({ kind: 'database', database, auth: given.auth ?? null, tls: given.tls ?? null });
}

test('the word of a server says where it is, with which key and which certificate', async () => {
  const word = JSON.stringify({ address: { host: 'localhost', port: 7 }, key, fingerprint });
  expect(await found(word)).toEqual({ kind: 'server', address: { host: 'localhost', port: 7 }, auth: key, tls: { fingerprint } });
  expect(await found(word, { auth: 'another key', tls: {} })).toMatchObject({ auth: 'another key', tls: {} });
  expect(await found(JSON.stringify({ address: { path: '/tmp/s' }, key, fingerprint: null }))).toMatchObject({
    address: { path: '/tmp/s' },
    tls: null,
  });
});

test.each([
  '',
  '{"address":',
  'null',
  '7',
  '"localhost:7"',
  '[]',
  '{}',
  JSON.stringify({ address: null, key }),
  JSON.stringify({ address: { host: 'localhost', port: '7' }, key }),
  JSON.stringify({ address: { host: 'localhost', port: 70_000 }, key }),
  JSON.stringify({ address: { host: 'localhost', port: 7 }, key: null }),
  JSON.stringify({ address: { host: 'localhost', port: 7 }, key: 7 }),
])('a broken or foreign file is no word of a server: %s', async (text) => {
  expect(await found(text)).toBeNull();
});

test('where there is no file there is no word', async () => {
  expect(await holderOf({ kind: 'database', database: join(temporaryFolder(), 'tasks.db'), auth: null, tls: null })).toBeNull();
});
