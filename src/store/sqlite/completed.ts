/** Reads the record of ends from a cursor on: which tasks, in the order of recording. What is over (queued again, removed) is passed over. */
import { eachNumber } from '../ranges.ts';
import * as sql from './queries.ts';
import { firstRecord } from './retain.ts';
import type { Statements } from './statements.ts';

/** No numbers: nothing more yet. */
export function completedNumbers(statements: Statements, after: number, limit: number): { numbers: number[]; cursor: number } {
  // A reader that stayed behind goes on with the oldest end that is left.
  let cursor = Math.max(after, (firstRecord(statements) ?? 1) - 1);
  const anyOver = Number(statements.all(sql.getStale)[0]?.value ?? 0) > 0;
  for (;;) {
    const records: [n: number, ordinal: number][] = [];
    for (const row of statements.all(sql.getCompletions, cursor, limit)) {
      let ordinal = Number(row.ordinal) - 1;
      eachNumber(JSON.parse(String(row.tasks)) as number[], (n) => {
        if (++ordinal > cursor && records.length < limit) records.push([n, ordinal]);
      });
    }
    const last = records[records.length - 1];
    if (last === undefined) return { numbers: [], cursor };
    cursor = last[1];
    if (!anyOver) return { numbers: records.map(([n]) => n), cursor };
    const live = new Set(statements.all(sql.liveRecords, JSON.stringify(records)).map((row) => Number(row.ordinal)));
    const numbers = records.filter(([, ordinal]) => live.has(ordinal)).map(([n]) => n);
    if (numbers.length > 0) return { numbers, cursor };
  }
}
