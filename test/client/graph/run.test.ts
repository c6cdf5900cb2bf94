import { chmodSync, existsSync, mkdirSync, type RmOptions, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { MillraceError } from '../../../src/base/errors.ts';
import { type Logger, silentLogger } from '../../../src/base/log.ts';
import { GraphRun } from '../../../src/client/graph/run.ts';
import { ObjectStore } from '../../../src/client/graph/store.ts';
import type { GraphExecution } from '../../../src/client/graph-task-runner.ts';
import { temporaryFolder } from '../../support/temporary.ts';

// Who is root may take files out of any folder: here nobody may.
vi.mock(import('node:fs'), async (original) => {
  const fs = await original();
  const check = (path: string): void => {
    const found = fs.lstatSync(path, { throwIfNoEntry: false });
    if (!found?.isDirectory()) return;
    if ((found.mode & 0o200) === 0) throw new Error(`EACCES: permission denied, rm '${path}'`);
    for (const name of fs.readdirSync(path)) check(`${path}/${name}`);
  };
  const removing = (path: string, options?: RmOptions): void => {
    check(path);
    fs.rmSync(path, options);
  };
  return { ...fs, rmSync: removing as typeof fs.rmSync };
});

/** A run that has begun, and what its runner was given. */
function begun(spool = '/nowhere', logger: Logger = silentLogger): { run: GraphRun; execution: GraphExecution } {
  const store = new ObjectStore(spool, undefined, logger);
  onTestFinished(() => store.close());
  const run = new GraphRun([1, 1, 10, 'test', null, [], [], null], { store, progress: () => {}, spoiled: () => {} });
  return { run, execution: run.prepare() };
}

test('the signal of a task that nobody asks for is not made', () => {
  let made = 0;
  vi.stubGlobal(
    'AbortController',
    class extends AbortController {
      constructor() {
        super();
        made++;
      }
    },
  );
  onTestFinished(() => void vi.unstubAllGlobals());
  const { run, execution } = begun();
  run.abort(new MillraceError('ERR_ABORTED', 'the task was stopped'));
  expect(made).toBe(0);
  expect(execution.signal).toBe(execution.signal);
  expect(made).toBe(1);
});

test('a task that was stopped has an aborted signal, whether it asked for it before or asks after', () => {
  const error = new MillraceError('ERR_ABORTED', 'the task was stopped');
  const [early, late] = [begun(), begun()];
  const { signal } = early.execution;
  expect(signal.aborted).toBe(false);
  early.run.abort(error);
  late.run.abort(error);
  expect([signal.reason, late.execution.signal.reason]).toEqual([error, error]);
  expect(late.execution.signal.aborted).toBe(true);
});

test('the folder of a run goes with what its task left there, also in folders that are not to be written to', () => {
  const spool = temporaryFolder();
  const { run, execution } = begun(spool);
  const folder = execution.sandbox();
  const outer = join(folder, 'outer');
  mkdirSync(join(outer, 'inner'), { recursive: true });
  writeFileSync(join(outer, 'inner', 'file'), 'x');
  const other = join(spool, 'other');
  mkdirSync(other);
  chmodSync(other, 0o750);
  symlinkSync(other, join(outer, 'link'));
  for (const path of [join(outer, 'inner'), outer]) chmodSync(path, 0o555);
  expect(() => rmSync(folder, { recursive: true })).toThrow('EACCES');
  run.clean();
  expect(existsSync(folder)).toBe(false);
  // What a link leads to is not the task's.
  expect(statSync(other).mode & 0o777).toBe(0o750);
});

test('a folder that cannot be removed is warned of, and the run ends all the same', () => {
  const spool = temporaryFolder();
  const warned: unknown[] = [];
  const { run, execution } = begun(spool, { ...silentLogger, warn: (...args: unknown[]) => void warned.push(args[1]) });
  const folder = execution.sandbox();
  const [own] = readdirSync(spool);
  rmSync(join(spool, own!), { recursive: true });
  writeFileSync(join(spool, own!), 'a file in place of the folder');
  run.clean();
  expect(warned).toEqual(['what a task left cannot be removed']);
  expect(existsSync(folder)).toBe(false);
});
