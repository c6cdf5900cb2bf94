/**
 * The first shape of the file.
 *
 * A task's row is narrow: what the queue needs as columns, the rest as one JSON text each for the task and its end. Against a column per
 * field this is 118-129 k tasks/s instead of 57-71 k for insert and end (1,000 a commit, FULL), since SQLite picks three values out of each
 * list item instead of eleven. Texts of users are only ever inside JSON, where NUL and lone surrogates are escapes.
 *
 * `task.task`: [submittedAt, kind, args, input, attributes]; input `true`: bytes, in `payload` at attempt -1.
 * `task.end`, `attempt.end`: [attempt, exitStatus, client, slot, startedAt, durationMs, completedAt, waitedMs, extra]; `true` for stdout, stderr or
 * value in extra: bytes, in `payload` at that attempt.
 * `key`, `user_id`, `submitter.id`: JSON strings. `grants`: [client, attempt, tasks as runs]. `client`: [id, host].
 * `completion`: the numbers of one commit's ends as runs, at the ordinal of the first of them.
 *
 * The index `task_ready` costs 4-9 % of insert and end at 100 a commit (at 1,000: less than the noise), and spares a scan of all finished tasks at each start and for each priority.
 */
import type { Migration } from './migration.ts';

export const tasks: Migration = {
  number: 1,
  breaking: true,
  sql: `
    create table meta (name text primary key, value any not null) strict, without rowid;
    create table task (
      n integer primary key,
      state integer not null,
      grp integer not null,
      rank real not null,
      task text not null,
      outcome integer not null default 0,
      end text,
      attempts integer not null default 0,
      losses integer not null default 0,
      ready_at real,
      key text,
      user_id text
    ) strict;
    create index task_ready on task (grp, rank, n) where state = 1;
    create index task_waiting on task (n) where state = 0;
    create index task_key on task (key) where key is not null;
    create unique index task_user_id on task (user_id) where user_id is not null;
    create table attempt (id integer primary key, n integer not null, outcome integer not null, end text not null) strict;
    create index attempt_of on attempt (n);
    create table payload (n integer not null, attempt integer not null, bytes blob not null, primary key (n, attempt)) strict;
    create table completion (ordinal integer primary key, count integer not null, tasks text not null) strict;
    create table grants (id integer primary key, facts text not null) strict;
    create table client (n integer primary key, facts text not null) strict;
    create table submitter (id text primary key, sequence integer not null, receipts text not null, seen_at real not null) strict, without rowid;
  `,
};
