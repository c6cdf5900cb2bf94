import { expect, it, onTestFinished, vi } from 'vitest';
import { loadDriver } from '../../../src/store/sqlite/driver.ts';

it('Node’s SQLite is taken where it is there, and its warning of being experimental does not reach whoever runs tasks', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const builtin = vi.spyOn(process, 'getBuiltinModule').mockImplementation((() => {
    process.emitWarning('SQLite is an experimental feature', 'ExperimentalWarning');
    return { DatabaseSync: class {} };
  }) as never);
  onTestFinished(() => void vi.restoreAllMocks());
  const before = process.emitWarning;
  expect((await loadDriver()).name).toBe('node:sqlite');
  expect(builtin).toHaveBeenCalledOnce();
  expect(warned).not.toHaveBeenCalled();
  expect(process.emitWarning).toBe(before);
});
