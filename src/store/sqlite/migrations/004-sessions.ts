/**
 * Persistent sessions of task graphs and their histories.
 *
 * `graph_session.facts` and `graph_entry.body` are their keeper's: text or bytes. Entries are in the order of their numbers.
 */
import type { Migration } from './migration.ts';

export const sessions: Migration = {
  number: 4,
  breaking: false,
  sql: `create table graph_session (n integer primary key, facts text not null) strict;
    create table graph_entry (number integer primary key autoincrement, session integer not null, body any not null) strict;
    create index graph_entry_session on graph_entry (session, number);`,
};
