/**
 * Holds the tables of parity to the run: when the test of a table was part of it, every test that one of its rows names must have run and passed in
 * the same run. What is missing is printed, and the run fails.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestModule } from 'vitest/node';
import { parityTables, readParityTable } from './parity-table.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Tells the tables' own tests, which run in other processes, that somebody looks at the whole run. */
export const presence = 'MILLRACE_PARITY_REPORTER';

export default class ParityReporter implements Reporter {
  onInit(): void {
    process.env[presence] = '1';
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const passed = new Set<string>();
    const ran = new Set<string>();
    for (const module of modules) {
      const file = relative(root, module.moduleId);
      ran.add(file);
      for (const test of module.children.allTests('passed')) passed.add(`${file} > ${test.fullName}`);
    }
    const held = Object.entries(parityTables).filter(([test]) => ran.has(test));
    const missing = held.flatMap(([, table]) => readParityTable(table)).filter(({ file, test }) => !passed.has(`${file} > ${test}`));
    if (missing.length === 0) return;
    const lines = missing.map(({ original, file, test }) => `  ${original}: ${file} > ${test}`);
    process.stderr.write(`\n${missing.length} rows of the parity tables are not proved by this run:\n${lines.join('\n')}\n`);
    process.exitCode = 1;
  }
}
