/** The tests that hold every table of parity: that it leaves nothing out, names things once, and is looked at by who sees the whole run. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { presence } from './parity-reporter.ts';
import type { ParityRow } from './parity-table.ts';

/** `statements`: what the other system says of itself, each with a row of its name. */
export function holdParityTable(rows: readonly ParityRow[], statements: readonly string[]): void {
  const named = rows.map(({ original }) => original);

  it('the table has a row for every statement, each once', () => {
    expect(statements.filter((statement) => !named.includes(statement))).toEqual([]);
    expect(named.filter((name, i) => named.indexOf(name) !== i)).toEqual([]);
  });

  it('the table names files that are there', () => {
    const root = new URL('../../', import.meta.url);
    for (const file of new Set(rows.map((row) => row.file))) expect(readFileSync(new URL(file, root), 'utf8')).toContain('from');
  });

  it('the table is held to the run by the reporter of npm test', () => {
    expect(process.env[presence], 'run it with `npm test`, or add --reporter=./test/support/parity-reporter.ts').toBe('1');
  });
}
