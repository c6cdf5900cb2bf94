/**
 * Holds the table of `test/system/hypershell-parity.md` to the run: when that table was part of it, every test that a row names must have
 * run and passed in the same run. What is missing is printed, and the run fails.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestModule } from 'vitest/node';
import { parityTable, readParityTable } from './parity-table.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const table = 'test/system/hypershell-parity.test.ts';

/** Tells the table's own test, which runs in another process, that somebody looks at the whole run. */
export const presence = 'MILLRACE_PARITY_REPORTER';

export default class ParityReporter implements Reporter {
  onInit(): void {
    process.env[presence] = '1';
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const passed = new Set<string>();
    let held = false;
    for (const module of modules) {
      const file = relative(root, module.moduleId);
      held ||= file === table;
      for (const test of module.children.allTests('passed')) passed.add(`${file} > ${test.fullName}`);
    }
    if (!held) return;
    const missing = readParityTable(parityTable).filter(({ file, test }) => !passed.has(`${file} > ${test}`));
    if (missing.length === 0) return;
    const lines = missing.map(({ original, file, test }) => `  ${original}: ${file} > ${test}`);
    process.stderr.write(`\n${missing.length} rows of the parity table are not proved by this run:\n${lines.join('\n')}\n`);
    process.exitCode = 1;
  }
}
