/**
 * How `npm test` runs the suite on two cores: first two files at a time, those of pure code many to a process, which is a quarter of a second less for
 * each; then, one after the other, those that also hold parts of the whole to a time which another file beside them could use up, or load both cores.
 */
import { configDefaults, defineConfig } from 'vitest/config';

const alone = [
  'test/client/core/backfill.test.ts',
  'test/client/executors/shell/semantics.test.ts',
  'test/testing/scale.test.ts',
  'test/system/bad-input.test.ts',
  'test/system/dependencies.test.ts',
  'test/system/hostile-port.test.ts',
  'test/system/limits.test.ts',
  'test/system/recovery.test.ts',
  'test/system/resume.test.ts',
  'test/system/shared-queue.test.ts',
];

const pure = [
  'base',
  'config',
  'data',
  'graph',
  'protocol',
  'source',
  'submit',
  'task',
  'testing',
  'client/core',
  'server/core',
  'store/memory',
].map((folder) => `test/${folder}/**/*.test.ts`);

// It needs programs of the system: `npm run test:interop`.
const exclude = [...configDefaults.exclude, 'test/interop/**'];

// A machine that does something else meanwhile is slow, not wrong: what hangs is seen all the same.
const patience = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...patience,
          name: 'pure',
          include: pure,
          exclude: [...exclude, ...alone],
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...patience,
          name: 'beside',
          include: ['test/**/*.test.ts'],
          exclude: [...exclude, ...alone, ...pure],
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      { test: { ...patience, name: 'alone', include: alone, exclude, maxWorkers: 1, sequence: { groupOrder: 3 } } },
    ],
  },
});
