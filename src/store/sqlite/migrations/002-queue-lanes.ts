/**
 * Lanes in the queue, tasks that are queued again, and retention.
 *
 * `task.lane`: a JSON string, or null for tasks that need nothing. It stands in `task_ready` behind the number, so that passing over lanes is decided
 * in the index; `task_lane` finds the tasks of one lane and costs nothing to tasks without one.
 * `completion.ended_at`: when the ends of that commit were recorded, epoch ms; of files of the first shape, when the last task of it ended by its client's clock.
 * `reopened`: a task that was done was queued again after the end `before`, so what `completion` says of it up to there is over.
 * `meta.stale`: how many ends of `completion` are over, of tasks that were queued again or removed.
 */
import type { Migration } from './migration.ts';

export const queueLanes: Migration = {
  number: 2,
  breaking: true,
  sql: `
    alter table task add column lane text;
    drop index task_ready;
    create index task_ready on task (grp, rank, n, lane) where state = 1;
    create index task_lane on task (lane, grp, rank, n) where state = 1 and lane is not null;
    alter table submitter add column open integer not null default 0;
    alter table completion add column ended_at real;
    update completion set ended_at = (select end ->> '$[6]' from task where task.n = completion.tasks ->> '$[#-1]');
    create table reopened (n integer primary key, before integer not null) strict;
    insert into meta (name, value) values ('stale', 0);
  `,
};
