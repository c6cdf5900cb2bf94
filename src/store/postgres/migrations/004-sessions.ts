/**
 * Persistent sessions of task graphs and their histories, as in SQLite. `graph_session.facts` and an entry's `body` (a text) or `bytes` are their keeper's;
 * entries are in the order of their numbers. `graph_write` has one row: the last write that was made, by the epoch of who holds the queue and its number
 * there, so that one whose answer was lost is not made twice. Older versions do not look at any of it.
 */
import type { Migration } from './migration.ts';

export const sessions: Migration = {
  number: 4,
  breaking: false,
  sql: (schema) => `
    create table ${schema}.graph_session (n bigint primary key, facts text not null);
    create table ${schema}.graph_entry (number bigint generated always as identity primary key, session bigint not null, body text, bytes bytea);
    create index graph_entry_session on ${schema}.graph_entry (session, number);
    create table ${schema}.graph_write (epoch bigint not null, number bigint not null);
    insert into ${schema}.graph_write values (0, 0);
  `,
};
