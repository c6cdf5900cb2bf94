/** The statements of a rotation, on a connection that has the other file attached as `other`. A list of n is a JSON array. */

/** Finished or not: whoever is not done may still ask for what these gave. */
export const parentsOfOpenTasks: string = `
  select distinct parent.value as n from task, json_each(task.task, '$[4].parents') parent where task.state <> 4`;

/** Which of these are in the other file already: a step that was cut off. Params: list of n. */
export const alreadyThere: string = 'select n from other.task where n in (select value from json_each(?))';

/** Ids of users that were free again and given to another task. Params: list of n. */
export const clashingIds: string = `
  select mine.user_id from main.task mine join other.task theirs on theirs.user_id = mine.user_id
  where mine.n in (select value from json_each(?)) and theirs.n <> mine.n limit 1`;

const columns = 'n, state, grp, rank, task, outcome, end, attempts, losses, ready_at, key, user_id, lane';
const these = 'n in (select value from json_each(?1))';

/** All of a task. Params of each: list of n. */
export const copies: readonly string[] = [
  `insert or replace into other.task (${columns}) select ${columns} from main.task where ${these}`,
  `delete from other.attempt where ${these}`,
  `insert into other.attempt (n, outcome, end) select n, outcome, end from main.attempt where ${these} order by id`,
  `delete from other.payload where ${these}`,
  `insert into other.payload (n, attempt, bytes) select n, attempt, bytes from main.payload where ${these}`,
  `insert or replace into other.client (n, facts) select n, facts from main.client where n in (
    select end ->> '$[2]' from main.task where ${these} union select end ->> '$[2]' from main.attempt where ${these})`,
];

export const lastThere: string = 'select ordinal + count - 1 as last from other.completion order by ordinal desc limit 1';

/** Params: ordinal, how many, their numbers as runs, when. */
export const putCompletionThere: string = `
  insert into other.completion (ordinal, count, tasks, ended_at) values (?, ?, ?, ?)
  on conflict (ordinal) do update set count = excluded.count, tasks = excluded.tasks, ended_at = excluded.ended_at where completion.count = 0`;

/** Params: list of n. */
export const outcomesOf: string = `
  select outcome, count(*) as count from main.task where n in (select value from json_each(?)) group by outcome`;

export const countsThere: string = `select value from other.meta where name = 'counts'`;

/** Params: counts. */
export const putCountsThere: string = `update other.meta set value = ? where name = 'counts'`;

/** A server that opened the other file would number its tasks on from here. */
export const nextTaskThere: string = `
  update other.meta set value = max(value, (select value from main.meta where name = 'next_task')) where name = 'next_task'`;
