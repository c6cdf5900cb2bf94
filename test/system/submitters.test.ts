/** Submitters know what a server's own source knows: lines of JSON, keys of content, strictness; and they find a server that has moved. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openTasks, type ServerOptions, SubmitThread, submitFile, submitFrom } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, startServer, startServerProgram } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

const lines = ['"echo a"', '{"args":"echo b","sample":"s1"}', '{"args":"echo b","sample":"s2"}', '{"args":"echo c","cores":"x"}'];

it.each(['a server', 'a database'])('a file of JSON lines is submitted to %s with keys of its content, once', async (where) => {
  const folder = temporaryFolder();
  const path = join(folder, 'tasks.ndjson');
  const database = join(folder, 'tasks.db');
  writeFileSync(path, lines.join('\n'));
  const server = where === 'a server' ? await startServer({ foreverMode: true, database }) : null;
  const options = { ...(server === null ? { database } : { address: server.address }), key: 'content' as const };
  expect(await submitFile(path, options)).toEqual({ submitted: 4, duplicates: 0, rejected: 1 });
  expect(await submitFile(path, options)).toEqual({ submitted: 0, duplicates: 4, rejected: 0 });
  await using tasks = await openTasks(database);
  expect((await collect(tasks.find())).map(({ args, error }) => [args, error?.code])).toEqual([
    ['echo a', undefined],
    ['echo b', undefined],
    ['echo b', undefined],
    [lines[3], 'ERR_TASK'],
  ]);
  await expect(submitFile(path, { ...options, strict: true })).rejects.toMatchObject({
    code: 'ERR_TASK',
    message: expect.stringContaining('line 4: column 18: '),
  });
});

it('a submitter by database goes on with the server that holds it next, on another port', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const serve: ServerOptions = { address: ['localhost', 0], database, foreverMode: true };
  const first = await startServerProgram(serve);
  let go: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  async function* slow(): AsyncGenerator<string> {
    yield 'echo before';
    await gate;
    yield 'echo after';
  }
  const submitter = await SubmitThread.new(slow(), { database });
  await until(() => submitter.count === 1);
  await first.kill();
  const second = await startServerProgram(serve);
  expect(second.last('address')).not.toEqual(first.last('address'));
  go();
  expect(await submitter.join(20)).toMatchObject({ submitted: 2 });
  expect(await submitFrom(['echo again'], { database })).toMatchObject({ submitted: 1 });
  await second.kill();
  await using tasks = await openTasks(database);
  expect((await collect(tasks.find())).map(({ args }) => args)).toEqual(['echo before', 'echo after', 'echo again']);
});
