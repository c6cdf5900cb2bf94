/** Small questions about many tasks at once. */
import * as sql from './queries.ts';
import { quoted } from './rows.ts';
import type { Statements } from './statements.ts';

/** Which of these keys and ids of users are taken, and by which task. */
export function knownTexts(
  statements: Statements,
  keys: readonly string[],
  ids: readonly string[],
): { keys: Map<string, number>; ids: Map<string, number> } {
  const look = (query: string, column: string, texts: readonly string[]): Map<string, number> => {
    if (texts.length === 0) return new Map();
    const rows = statements.all(query, JSON.stringify(texts.map(quoted)));
    return new Map(rows.map((row) => [JSON.parse(String(row[column])) as string, Number(row.n)]));
  };
  return { keys: look(sql.knownKeys, 'key', keys), ids: look(sql.knownIds, 'user_id', ids) };
}

/** How these tasks stand, in the order given. */
export function outcomesOf(statements: Statements, numbers: readonly number[]): { n: number; outcome: number; group: number }[] {
  return statements
    .all(sql.outcomesOf, JSON.stringify(numbers))
    .map((row) => ({ n: Number(row.n), outcome: Number(row.outcome), group: Number(row.grp) }));
}

/** The salt of the public ids of this file. */
export function saltOf(statements: Statements): string {
  return String(statements.all(sql.getMeta).find((row) => row.name === 'salt')?.value);
}
