/**
 * The table of what Rain's two pages say is whole, and each row names a test that is there. That each of them ran and passed in the same run is seen by
 * `test/support/parity-reporter.ts`, which fails the run else.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { presence } from '../support/parity-reporter.ts';
import { readParityTable } from '../support/parity-table.ts';

const rows = readParityTable(new URL('rain-parity.md', import.meta.url));

/** What the pages say, in their order, and what of Rain is not copied. */
const statements = [
  // Connecting to server
  'the client maintains a connection to the server',
  'each client may have more sessions',
  'sessions are independent and may be executed simultaneously',
  'if a client disconnects, its sessions are terminated',
  'persistent sessions are not supported',
  'if any task fails, the session is failed and all running tasks are stopped',
  'any access throws the error that caused the problem',
  'destroying is the only operation that does not throw',
  'other sessions are not affected',
  'the first example',
  'a with block closes the session at its end',
  'a with block sets the session active',
  'a global stack of sessions',
  'the session on the top of the stack is active',
  'the second example',
  'tasks and data objects are created in the active session',
  'submitted tasks run regardless of which session is active',
  'close() closes a session',
  'bind_only() does not close',
  'the server holds metadata as long as a session is live',
  // Python API
  'tasks are only created and declared at the client',
  'code inside remote tasks has access to the data, and sees the adjacent objects only',
  'RainException',
  'RainWarning',
  'ID',
  'Client, one instance per connection',
  'Session, possibly with multiple submits',
  'Session.wait, wait_some, wait_all',
  'data objects are tied to a session',
  'blob',
  'pickled',
  'DataObject',
  'tasks are tied to a session',
  'Task',
  'attributes',
  'Input, InputDir',
  'Output, OutputDir are the preferred way to set properties of outputs',
  'Concat',
  'Sleep',
  'Load, LoadDir',
  'Store',
  'MakeDirectory',
  'SliceDirectory',
  'Execute',
  'both spellings',
  'Program',
  'DataInstance is tied to a data object',
  'task resources',
  'LabeledList',
  'remote tasks are created by decorating',
  'inputs are arbitrary objects with a DataInstance for each DataObject',
  'or loaded if autoload or load is set',
  'a remote returns a list, tuple or LabeledList',
  'of DataInstance, bytes or string',
  'Context',
  // Defects
  'defect: a task whose construction fails is sent by the next submit',
  'defect: a text with a content_type is refused',
  'defect: falsy values of a config are dropped',
  'defect: two blobs of one label are one file of a program',
  'defect: LoadDir does not work',
  'defect: make_graph does not work',
  'defect: wait ignores data objects',
  'defect: wait_some is not implemented',
  'defect: update resets the state',
  'defect: fetch of a kept constant ends the server',
  'defect: submit and a wait for objects are not refused by a failed session',
  'defect: refusals of the server are errors of its wire',
  'defect: a task that no governor can hold waits silently',
  'defect: a lost governor ends the server',
  'defect: load of empty bytes fails',
  'defect: get_bytes of a directory fails in a task',
  'defect: ctx.blob of a text fails',
  'defect: empty directories are unproven',
  'defect: unknown arguments of a Program are ignored',
  'defect: a session that an inner block closed is still active',
  'defect: the size of a directory is that of its inode',
  'defect: user_spec is ignored',
  'defect: Remote without inputs fails',
  'defect: a submission of more than 64 MB is refused, as is more than 8 MB at a time',
  'defect: waiting has no end of its own',
];

it('the table has a row for every statement of the pages and every defect, each once', () => {
  const named = rows.map(({ original }) => original);
  expect(named).toEqual(statements);
  expect(named.filter((name, i) => named.indexOf(name) !== i)).toEqual([]);
});

it('the table names tests that are there', () => {
  const root = new URL('../../', import.meta.url);
  for (const { file, test } of rows) expect(readFileSync(new URL(file, root), 'utf8'), test).toContain(test);
});

it('the table is held to the run by the reporter of npm test', () => {
  expect(process.env[presence], 'run it with `npm test`, or add --reporter=./test/support/parity-reporter.ts').toBe('1');
});
