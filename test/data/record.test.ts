import { expect, test } from 'vitest';
import { toAttemptRecord, toTaskRecord, toTaskResult } from '../../src/data/record.ts';
import { storedState, type TaskRow } from '../../src/store/store.ts';
import { taskNumber } from '../../src/task/id.ts';
import { encodeValue } from '../../src/task/value.ts';
import { attemptEnd } from '../store/samples.ts';

const salt = '3ffffffff';

function taskRow(changes: Partial<TaskRow> = {}): TaskRow {
  return {
    n: 7,
    submittedAt: 1_700_000_000_000,
    task: [0, 'echo 7', null, { tags: { a: 1 } }],
    state: storedState.done,
    group: 2,
    attempts: 0,
    losses: 0,
    end: attemptEnd(7, { client: 1, slot: 3 }),
    client: { n: 1, id: 'the-client', host: 'here' },
    ...changes,
  };
}

test('a result has every field, and its id holds the number and the time', () => {
  const end = attemptEnd(7, { client: 1, slot: 3, extra: { command: 'echo 7', stdout: 'é\n', stderr: new Uint8Array([0, 255]) } });
  const result = toTaskResult(taskRow({ end }), salt);
  expect(result).toEqual({
    id: result.id,
    kind: 'shell',
    args: 'echo 7',
    command: 'echo 7',
    outcome: 'succeeded',
    exitStatus: 0,
    signal: null,
    stdout: Buffer.from('é\n'),
    stderr: Buffer.from([0, 255]),
    truncated: false,
    value: undefined,
    error: null,
    attempt: 1,
    group: 2,
    tags: { a: 1 },
    clientId: 'the-client',
    clientHost: 'here',
    slot: 3,
    submittedAt: 1_700_000_000_000,
    startedAt: end.startedAt,
    completedAt: end.completedAt,
    waitedMs: 3.25,
    durationMs: 12.5,
  });
  expect(taskNumber(salt, result.id)).toEqual({ n: 7, submittedAt: 1_700_000_000_000 });
});

test('a user’s own id stands, and values and errors of functions come back', () => {
  const id = '018f0000-0000-7000-8000-000000000001';
  const value = { when: new Date(5), list: [1, 2n] };
  const row = taskRow({
    task: [1, 'file:///m.mjs#name', null, { id }],
    end: attemptEnd(7, { extra: { value: encodeValue(value) } }),
    client: null,
  });
  expect(toTaskResult(row, salt)).toMatchObject({ id, kind: 'function', value, command: null, clientId: null, clientHost: null });
  const error = { name: 'TypeError', message: 'm', code: null, stack: null };
  const failed = attemptEnd(7, {
    outcome: 2,
    exitStatus: null,
    extra: { error, signal: 'SIGSEGV', truncated: true, stdoutPath: '/o', stderrPath: '/e' },
  });
  expect(toTaskResult(taskRow({ end: failed }), salt)).toMatchObject({
    outcome: 'failed',
    exitStatus: null,
    signal: 'SIGSEGV',
    truncated: true,
    error,
    stdoutPath: '/o',
    stderrPath: '/e',
  });
});

test('a record of a task that is not done has what is known and no more', () => {
  const row = taskRow({ state: storedState.ready, end: null, client: null, attempts: 2 });
  const record = toTaskRecord(row, salt);
  expect(record).toEqual({
    id: record.id,
    kind: 'shell',
    args: 'echo 7',
    group: 2,
    tags: { a: 1 },
    submittedAt: row.submittedAt,
    state: 'ready',
    attempt: 2,
  });
  expect(toTaskRecord({ ...row, state: storedState.waiting }, salt).state).toBe('waiting');
  expect(toTaskRecord(row, salt, 'running').state).toBe('running');
  expect(toTaskRecord(taskRow(), salt, 'running')).toMatchObject({ state: 'done', outcome: 'succeeded', attempt: 1 });
  expect(() => toTaskResult(row, salt)).toThrow(TypeError);
});

test('an attempt is shown with its outcome’s name and its client', () => {
  expect(
    toAttemptRecord(attemptEnd(1, { attempt: 2, outcome: 5, exitStatus: null, client: 4 }), { n: 4, id: 'c4', host: 'h' }),
  ).toMatchObject({
    attempt: 2,
    outcome: 'lost',
    clientId: 'c4',
    clientHost: 'h',
  });
  expect(() => toAttemptRecord(attemptEnd(1, { outcome: 0 }), null)).toThrow(/no outcome/);
});
