import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parsePostgresAddress } from '../../../src/store/postgres/address.ts';
import { temporaryFolder } from '../../support/temporary.ts';

test('an address says where the database is, who comes, and in which schema the tables are', () => {
  expect(parsePostgresAddress('postgres://me:a%2Fb%40c@db.example:6543/work?schema=queue_2')).toEqual({
    options: {
      host: 'db.example',
      port: 6543,
      user: 'me',
      password: 'a/b@c',
      database: 'work',
      ssl: { rejectUnauthorized: true, servername: 'db.example' },
    },
    name: 'millrace',
    place: 'PostgreSQL db.example:6543/work (schema queue_2)',
    schema: '"queue_2"',
  });
  expect(parsePostgresAddress('postgresql://me@[::1]/work?application_name=mine')).toMatchObject({
    options: { host: '::1', port: 5432, ssl: false },
    name: 'mine',
    schema: '"millrace"',
  });
  expect('password' in parsePostgresAddress('postgres://me@localhost/work').options).toBe(false);
});

test('sslmode decides what is asked of the certificate, and nothing falls back to plain text', () => {
  const of = (query: string, host = 'db.example'): unknown => parsePostgresAddress(`postgres://me@${host}/work?${query}`).options.ssl;
  expect(of('sslmode=disable')).toBe(false);
  expect(of('sslmode=require')).toEqual({ rejectUnauthorized: false, servername: 'db.example' });
  expect(of('sslmode=verify-full', '127.0.0.1')).toEqual({ rejectUnauthorized: true });
  const path = join(temporaryFolder(), 'ca.pem');
  writeFileSync(path, 'certificate');
  expect(of(`sslmode=verify-ca&sslrootcert=${path}`)).toMatchObject({
    rejectUnauthorized: true,
    ca: 'certificate',
    checkServerIdentity: expect.any(Function),
  });
  expect(() => of('sslmode=prefer')).toThrow(/nothing that falls back/);
  expect(() => of(`sslmode=require&sslrootcert=${path}.none`)).toThrow(/cannot be read/);
});

test.each([
  ['postgres://me:secret!word@host:x/db', /no URL/],
  ['postgres://me:secret!word@/db', /no host|no URL/],
  ['postgres://me:secret!word@host/', /names no database/],
  ['postgres://me:secret!word@host', /names no database/],
  ['postgres://:secret!word@host/db', /names no user/],
  ['postgres://me:secret!word@host/db?shema=x', /no parameter 'shema'\. Did you mean 'schema'\?/],
  ['postgres://me:secret!word@host/db?schema=Queue', /lower-case/],
  ['postgres://me:secret!word@host/db?schema=a"b', /lower-case/],
  ['postgres://me:secret!word@host/db?schema=', /lower-case/],
])('what is wrong with an address is said without its password: %s', (address, message) => {
  let thrown: unknown;
  try {
    parsePostgresAddress(address);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'ERR_OPTION', message: expect.stringMatching(message) });
  const { message: said, cause } = thrown as Error;
  expect(said).not.toContain('secret!word');
  expect(cause).toBeUndefined();
});
