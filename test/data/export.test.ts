import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { type ExportOptions, exportTasks } from '../../src/data/export.ts';
import type { TaskRecord } from '../../src/data/record.ts';
import { temporaryFolder } from '../support/temporary.ts';

const record = (changes: Partial<TaskRecord> = {}): TaskRecord => ({
  id: 'an-id',
  kind: 'shell',
  args: 'echo 1',
  group: 0,
  tags: {},
  submittedAt: 1_700_000_000_000,
  state: 'ready',
  attempt: 0,
  ...changes,
});

const done = record({
  state: 'done',
  outcome: 'succeeded',
  exitStatus: 0,
  signal: null,
  stdout: Buffer.from('größer\n'),
  stderr: Buffer.from([0, 255, 254]),
  truncated: false,
  value: undefined,
  error: null,
  durationMs: 12.5,
  tags: { site: 'north', run: 7 },
});

async function* some(...records: TaskRecord[]): AsyncGenerator<TaskRecord> {
  yield* records;
}

async function written(records: TaskRecord[], options: ExportOptions): Promise<string> {
  const path = join(temporaryFolder(), 'tasks');
  expect(await exportTasks(() => some(...records), path, options)).toBe(records.length);
  return readFileSync(path, 'utf8');
}

it('JSON lines: one record a line, text as text, other bytes as base64, times as ms', async () => {
  const lines = (await written([record(), done], { format: 'jsonl' })).split('\n');
  expect(lines.pop()).toBe('');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { id: 'an-id', kind: 'shell', args: 'echo 1', group: 0, tags: {}, submittedAt: 1_700_000_000_000, state: 'ready', attempt: 0 },
    {
      id: 'an-id',
      kind: 'shell',
      args: 'echo 1',
      group: 0,
      tags: { site: 'north', run: 7 },
      submittedAt: 1_700_000_000_000,
      state: 'done',
      attempt: 0,
      outcome: 'succeeded',
      exitStatus: 0,
      signal: null,
      stdout: 'größer\n',
      stderr: { base64: 'AP/+' },
      truncated: false,
      error: null,
      durationMs: 12.5,
    },
  ]);
});

it('values that JSON has no word for are written all the same', async () => {
  const circle: unknown[] = [];
  circle.push(circle);
  const values: [unknown, unknown][] = [
    [
      { n: 5n, bytes: new Uint8Array([104, 105]), raw: Buffer.from([255]) },
      { n: '5', bytes: 'hi', raw: { base64: '/w==' } },
    ],
    [new Map([['a', 1]]), [['a', 1]]],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new TypeError('no'), { name: 'TypeError', message: 'no' }],
    [circle, { unserializable: expect.stringMatching(/circular/) }],
    [null, null],
  ];
  for (const [value, seen] of values)
    expect(JSON.parse(await written([record({ value })], { format: 'jsonl', fields: ['value'] }))).toEqual({ value: seen });
});

it('CSV: a header, quotes where they are needed, CRLF, and formulas as they are', async () => {
  const text = await written([record({ args: 'echo "a", b\necho c' }), { ...done, args: '=1+1' }, record({ args: ' x', value: 'v' })], {
    format: 'csv',
    fields: ['args', 'tags', 'exitStatus', 'stdout', 'stderr', 'value'],
  });
  expect(text).toBe(
    'args,tags,exitStatus,stdout,stderr,value\r\n' +
      '"echo ""a"", b\necho c",{},,,,\r\n' +
      '=1+1,"{""site"":""north"",""run"":7}",0,"größer\n","{""base64"":""AP/+""}",\r\n' +
      '" x",{},,,,"""v"""\r\n',
  );
});

it('another program reads the CSV back', async () => {
  const path = join(temporaryFolder(), 'tasks.csv');
  const args = ['a,b', '"', '""', 'line\nbreak', '\r', ' space ', 'tab\t', "'=x"];
  await exportTasks(() => some(...args.map((line) => record({ args: line }))), path, { format: 'csv', fields: ['args'] });
  const script = `import csv, json, sys\nprint(json.dumps([r["args"] for r in csv.DictReader(open(sys.argv[1], newline=""))]))`;
  expect(JSON.parse(execFileSync('python3', ['-c', script, path], { encoding: 'utf8' }))).toEqual(args);
});

it('a file is there complete, for this user only, or as it was', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'tasks');
  writeFileSync(path, 'before');
  chmodSync(path, 0o644);
  const broken = async function* (): AsyncGenerator<TaskRecord> {
    for (let i = 0; i < 5_000; i++) yield record();
    throw new Error('the source broke');
  };
  await expect(exportTasks(broken, path, { format: 'jsonl' })).rejects.toThrow('the source broke');
  expect(readFileSync(path, 'utf8')).toBe('before');
  expect(readdirSync(folder)).toEqual(['tasks']);
  expect(await exportTasks(() => some(record()), pathToFileURL(path), { format: 'jsonl' })).toBe(1);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['tasks']);
  expect(await exportTasks(() => some(), path, { format: 'csv', fields: ['id'] })).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe('id\r\n');
});

it('a target that cannot be written is told with its own code', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'taken'));
  for (const path of [join(folder, 'nowhere', 'tasks'), join(folder, 'taken')]) {
    await expect(exportTasks(() => some(record()), path, { format: 'csv' })).rejects.toMatchObject({ code: 'ERR_EXPORT' });
  }
  expect(readdirSync(folder)).toEqual(['taken']);
  expect(existsSync(join(folder, 'nowhere'))).toBe(false);
});

it('a slow stream is waited for, and left open', async () => {
  const chunks: string[] = [];
  let most = 0;
  let open = 0;
  const slow = new Writable({
    highWaterMark: 1,
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      chunks.push(chunk);
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        done();
      });
    },
  });
  const many = async function* (): AsyncGenerator<TaskRecord> {
    for (let i = 0; i < 5_000; i++) yield record({ group: i });
  };
  expect(await exportTasks(many, slow, { format: 'jsonl' })).toBe(5_000);
  expect(chunks.join('').split('\n')).toHaveLength(5_001);
  expect(chunks.length).toBeGreaterThan(5);
  expect(most).toBe(1);
  expect(slow.writable).toBe(true);
  expect(slow.listenerCount('error') + slow.listenerCount('close')).toBe(0);
});

it('a stream that fails or was closed rejects the call, and nothing is thrown elsewhere', async () => {
  const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no space')) });
  await expect(exportTasks(() => some(record()), failing, { format: 'csv' })).rejects.toMatchObject({
    code: 'ERR_EXPORT',
    message: expect.stringMatching(/no space/),
  });
  const ended = new Writable({ write: (_chunk, _encoding, done) => done() });
  ended.end();
  await expect(exportTasks(() => some(record()), ended, { format: 'csv' })).rejects.toMatchObject({ code: 'ERR_EXPORT' });
  const hanging = new Writable({ write: () => {} });
  const exporting = exportTasks(() => some(record()), hanging, { format: 'csv' });
  setImmediate(() => hanging.destroy());
  await expect(exporting).rejects.toMatchObject({ code: 'ERR_EXPORT' });
});

it('wrong options are refused before anything is written', async () => {
  const wrong: [unknown, unknown, string][] = [
    ['x', undefined, 'ERR_OPTION'],
    ['x', { format: 'xml' }, 'ERR_OPTION'],
    ['x', { format: 'csv', field: ['id'] }, 'ERR_UNKNOWN_OPTION'],
    ['x', { format: 'csv', fields: [] }, 'ERR_OPTION'],
    ['x', { format: 'csv', fields: ['exit_status'] }, 'ERR_OPTION'],
    [5, { format: 'csv' }, 'ERR_OPTION'],
    ['', { format: 'csv' }, 'ERR_OPTION'],
    [new URL('http://localhost/x'), { format: 'csv' }, 'ERR_OPTION'],
  ];
  for (const [target, options, code] of wrong)
    await expect(exportTasks(() => some(record()), target as string, options as ExportOptions)).rejects.toMatchObject({ code });
});
