/**
 * The table of what Napix's page on requests says is whole, and each row names a test that is there. That each of them ran and passed in the same
 * run is seen by `test/support/parity-reporter.ts`, which fails the run else.
 */
import { holdParityTable } from '../support/parity-suite.ts';
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

holdParityTable(rows, statements);
