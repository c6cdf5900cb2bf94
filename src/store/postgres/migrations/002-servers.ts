/**
 * Who stands by to take the queue over: a row for each server that follows, with its last sign of life by this clock. The one that holds the queue is in
 * `state`. Older versions do not look at it.
 */
import type { Migration } from './migration.ts';

export const servers: Migration = {
  number: 2,
  breaking: false,
  sql: (schema) => `
    create table ${schema}.server (
      id text primary key, address text not null, seen_at timestamptz not null default clock_timestamp()
    ) with (fillfactor = 50);
  `,
};
