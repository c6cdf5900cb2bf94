/**
 * The first shape of the schema.
 *
 * Texts of users stand as JSON in columns of type text, where NUL and lone surrogates are escapes: neither `text` nor `jsonb` could hold them.
 * What is long has a column of its own (`input`, `output`), so that whoever looks through many tasks does not read it; bytes beside it, unescaped.
 *
 * `task.task`: [submittedAt, kind, args]. `input`: JSON, `true` where `input_bytes` has it. `attributes`: JSON, null where there are none.
 * `task.ending`, `attempt.ending`: [attempt, exitStatus, client, slot, startedAt, durationMs, completedAt, waitedMs, extra]; `output`: its stdout, stderr and
 * value, as JSON, `true` for what is in `output_bytes`.
 * `key`, `user_id`, `lane`, `submitter.id`: JSON strings. `grants`: [client, attempt, tasks as runs]. `client`: [id, host, joined].
 * `completion`: the numbers of one commit's ends as runs, at the ordinal of the first of them.
 * `reopened`: a task that was done was queued again after the end `before`, so what `completion` says of it up to there is over; `state.stale`: how many such.
 * `state`: one row, which every commit changes: who holds the queue (its epoch and the time of its last sign of life, by this clock), how many commits it has
 * made and what the last one did, so that a commit whose answer was lost can be told from one that was not made.
 *
 * Keys and lanes may be longer than an index entry: they are found by their hashes. The tables of the queue change all the time: dead rows are collected and
 * statistics taken after a share of changes that is smaller than usual.
 */

import { commitFunction } from './001-commit.ts';
import type { Migration } from './migration.ts';

const busy =
  'autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1';

export const tasks: Migration = {
  number: 1,
  breaking: true,
  sql: (schema) => `
    create table ${schema}.state (
      one boolean primary key default true check (one),
      salt text not null,
      epoch bigint not null default 0,
      clean boolean,
      commits bigint not null default 0,
      recorded integer not null default 0,
      ended bigint not null default 0,
      stale bigint not null default 0,
      next_task bigint not null default 1,
      counts text not null,
      held boolean not null default false,
      seen_at timestamptz not null default clock_timestamp(),
      session text,
      announcement text
    ) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
    create table ${schema}.task (
      n bigint primary key,
      state smallint not null,
      grp bigint not null,
      rank double precision not null,
      task text not null,
      input text,
      input_bytes bytea,
      attributes text,
      outcome smallint not null default 0,
      ending text,
      output text,
      output_bytes bytea,
      attempts integer not null default 0,
      losses integer not null default 0,
      ready_at double precision,
      key text,
      user_id text,
      lane text
    ) with (${busy});
    create index task_ready on ${schema}.task (grp, rank, n) where state = 1;
    create index task_lane on ${schema}.task (hashtextextended(lane, 0), grp, rank, n) where state = 1 and lane is not null;
    create index task_waiting on ${schema}.task (n) where state = 0;
    create index task_key on ${schema}.task using hash (key) where key is not null;
    create unique index task_user_id on ${schema}.task (user_id) where user_id is not null;
    create table ${schema}.attempt (
      id bigint generated always as identity primary key,
      n bigint not null,
      outcome smallint not null,
      ending text not null,
      output text,
      output_bytes bytea
    );
    create index attempt_of on ${schema}.attempt (n);
    create table ${schema}.completion (ordinal bigint primary key, count integer not null, tasks bigint[] not null, ended_at double precision);
    create table ${schema}.grants (id bigint primary key, facts text not null) with (${busy});
    create table ${schema}.client (n bigint primary key, facts text not null);
    create table ${schema}.submitter (
      id text primary key, sequence bigint not null, receipts text not null, seen_at double precision not null, open boolean not null
    ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 2000);
    create table ${schema}.reopened (n bigint primary key, before bigint not null);
    ${commitFunction(schema)}
  `,
};
