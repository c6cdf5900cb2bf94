/**
 * The table of what Napix's page on requests says is whole, and each row names a test that is there. That each of them ran and passed in the same
 * run is seen by `test/support/parity-reporter.ts`, which fails the run else.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { presence } from '../support/parity-reporter.ts';
import { readParityTable } from '../support/parity-table.ts';

const rows = readParityTable(new URL('napix-parity.md', import.meta.url));

/** What the page says, in its order. */
const statements = [
  'run requests on other servers',
  'a connection to a host',
  'Client takes a destination host',
  'Client takes an authenticator',
  'TokenIdentifier',
  'resp.body',
  'login and key are handled directly',
  'an error during a request raises HTTPError',
  'what is not caught reaches the user with its details',
  'remote_call is the original network call',
  'remote_error may be a string',
  'remote_error may be a full exception detail',
  'an exception can bubble through multiple servers',
  'requests simultaneously on different servers or the same',
  'a client for each host, only one',
  'simultaneous, by default 2',
  'the example of wait',
  'responses are the Response returned or the HTTPError raised',
  'wait returns in the order in which they were added',
  'the first example',
  'wait_unordered returns them as they complete',
  'wait_unordered with a timeout',
  'the second example',
];

it('the table has a row for every statement of the page, each once', () => {
  const named = rows.map(({ original }) => original);
  expect(statements.filter((statement) => !named.includes(statement))).toEqual([]);
  expect(named.filter((name, i) => named.indexOf(name) !== i)).toEqual([]);
});

it('the table names files that are there', () => {
  const root = new URL('../../', import.meta.url);
  for (const file of new Set(rows.map((row) => row.file))) expect(readFileSync(new URL(file, root), 'utf8')).toContain('from');
});

it('the table is held to the run by the reporter of npm test', () => {
  expect(process.env[presence], 'run it with `npm test`, or add --reporter=./test/support/parity-reporter.ts').toBe('1');
});
