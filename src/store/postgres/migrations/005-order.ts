/**
 * Commits that were sent one behind the other are made in the order of their numbers: one whose predecessor failed is refused. Older versions send none before
 * the answer of the last, and do not notice.
 *
 * Errors: MR002 the commit before this one was not made.
 */
import { commitFunction } from './001-commit.ts';
import type { Migration } from './migration.ts';

const before = 'if v_commits >= p_commit then return v_recorded; end if;';

export const order: Migration = {
  number: 5,
  breaking: false,
  sql: (schema) =>
    commitFunction(schema)
      .replace('create function', 'create or replace function')
      .replace(
        before,
        `${before}
      if v_commits + 1 < p_commit then raise exception 'the commit before this one was not made' using errcode = 'MR002'; end if;`,
      ),
};
