/**
 * Every statement of the adapter but `find`: one place, a line of contract each. A `list` is a JSON array, one statement for all of its
 * items: 197-259 k tasks/s against 135 k row by row.
 */

/**
 * What `storedTask` reads: a row as one JSON text, put together from texts that are JSON already. It is read at 3.5 µs a row, as columns at 9 and
 * the parsing of two of them beside. The rank goes back into a comparison, so it keeps all its digits.
 */
const storedRow = `'[' || n || ',' || state || ',' || grp || ',' || printf('%!.17g', rank) || ',' || attempts || ',' || losses || ','
  || coalesce(ready_at, 'null') || ',' || coalesce(lane, 'null') || ',' || task || ']' as row`;

/** What `taskRow` reads. */
export const recordRow: string = `'[' || n || ',' || state || ',' || grp || ',' || attempts || ',' || losses || ',' || outcome || ','
  || task || ',' || coalesce(end, 'null') || ']' as row`;

/** The same without input and output where these are long: enough to decide a condition. */
export const lightRow: string = `'[' || n || ',' || state || ',' || grp || ',' || attempts || ',' || losses || ',' || outcome || ','
  || case when length(task) > 2000 then json_set(task, '$[3]', null) else task end || ','
  || coalesce(case when length(end) > 2000 then json_remove(end, '$[8].stdout', '$[8].stderr', '$[8].value') else end end, 'null') || ']' as row`;

/** New tasks, never tried and without key or id. Params: list of [n, state, group, rank, task]. */
export const insertTasks: string = `
  insert into task (n, state, grp, rank, task)
  select value->>0, value->>1, value->>2, value->>3, value->4 from json_each(?)`;

/**
 * The same of tasks with neighbouring numbers and the same place in the queue: nothing but the text is picked from the list, which takes half the time.
 * Params: list of tasks, number of the first, state, group, rank.
 */
export const insertTaskRun: string = `
  insert into task (n, state, grp, rank, task) select ?2 + key, ?3, ?4, ?5, value from json_each(?1)`;

/** New tasks, as before, that need something. Params: list of [n, state, group, rank, task, lane]. */
export const insertTasksOfLanes: string = `
  insert into task (n, state, grp, rank, task, lane)
  select value->>0, value->>1, value->>2, value->>3, value->4, value->>5 from json_each(?)`;

/** New tasks. Params: list of [n, state, group, rank, task, attempts, losses, readyAt, key, id, lane]. */
export const insertTasksInFull: string = `
  insert into task (n, state, grp, rank, task, attempts, losses, ready_at, key, user_id, lane)
  select value->>0, value->>1, value->>2, value->>3, value->4, value->>5, value->>6, value->>7, value->>8, value->>9, value->>10 from json_each(?)`;

/** A new task. Params: as an item of `insertTasksInFull`. */
export const insertTask: string = `
  insert into task (n, state, grp, rank, task, attempts, losses, ready_at, key, user_id, lane) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Tasks that are not done go where they are told. Params: list of [n, state, group, rank, attempts, losses, readyAt]. */
export const moveTasks: string = `
  update task set state = j.value->>1, grp = j.value->>2, rank = j.value->>3, attempts = j.value->>4, losses = j.value->>5, ready_at = j.value->>6
  from json_each(?) j where task.n = j.value->>0 and task.state <> 4`;

/** Record ends; returns how many of the tasks were not done yet. Params: list of [n, outcome, end], each n once. */
export const endTasks: string = `
  update task set state = 4, outcome = j.value->>1, end = j.value->2 from json_each(?) j where task.n = j.value->>0 and task.state <> 4`;

/** The same of neighbouring numbers with one outcome. Params: list of ends, number of the first, outcome. */
export const endTaskRun: string = `
  update task set state = 4, outcome = ?3, end = j.value from json_each(?1) j where task.n = ?2 + j.key and task.state <> 4`;

/** Record one end; returns 1, or 0 if the task was done. Params: n, outcome, end. */
export const endTask: string = 'update task set state = 4, outcome = ?2, end = ?3 where n = ?1 and state <> 4';

/** Which of these are done. Params: list of n. */
export const finishedTasks: string = 'select task.n from json_each(?) j cross join task on task.n = j.value where task.state = 4';

/** The ends of these tasks become history. Params: list of n. */
export const keepEnds: string = `
  insert into attempt (n, outcome, end) select task.n, outcome, end from json_each(?) j cross join task on task.n = j.value`;

/** Params: list of [n, state, group, rank, attempts, losses, readyAt]. */
export const reopenTasks: string = `
  update task set state = j.value->>1, grp = j.value->>2, rank = j.value->>3, attempts = j.value->>4, losses = j.value->>5, ready_at = j.value->>6,
  outcome = 0, end = null from json_each(?) j where task.n = j.value->>0`;

/** Params: list of [n, last end before it was queued again]. */
export const putReopened: string = 'insert or replace into reopened (n, before) select value->>0, value->>1 from json_each(?)';

/** Params: list of [n, attributes]. */
export const changeTasks: string = `
  update task set task = json_set(task.task, '$[4]', json(j.value->1)) from json_each(?) j where task.n = j.value->>0`;

/** Each with a list of n. */
export const removeRows: string = 'delete from task where n in (select value from json_each(?))';
export const removeAttempts: string = 'delete from attempt where n in (select value from json_each(?))';
export const removePayloads: string = 'delete from payload where n in (select value from json_each(?))';
export const removeReopened: string = 'delete from reopened where n in (select value from json_each(?))';

/** What attempts left, not the input. Params: list of n. */
export const removeOutputs: string = `delete from payload where n in (select value from json_each(?)) and attempt <> -1`;

/** Params: ordinal, list of n. */
export const removeReopenedBefore: string = 'delete from reopened where before < ? and n in (select value from json_each(?))';

/** Params: how many more (or fewer). */
export const addStale: string = `update meta set value = value + ? where name = 'stale'`;
export const getStale: string = `select value from meta where name = 'stale'`;

/** Which of these are stored and not done. Params: list of n. */
export const openTasks: string = 'select task.n from json_each(?) j cross join task on task.n = j.value where task.state <> 4';

/** Attempts that did not end their task. Params: list of [n, outcome, end]. */
export const insertAttempts: string = 'insert into attempt (n, outcome, end) select value->>0, value->>1, value->2 from json_each(?)';

/** One of these. Params: n, outcome, end. */
export const insertAttempt: string = 'insert into attempt (n, outcome, end) values (?, ?, ?)';

/** Bytes of a task's input or of an attempt. Params: n, attempt, bytes. */
export const putPayload: string = 'insert or replace into payload (n, attempt, bytes) values (?, ?, ?)';

/** Params: n, attempt. */
export const getPayload: string = 'select bytes from payload where n = ? and attempt = ?';

/** Params: list of [id, facts]. */
export const putGrants: string = 'insert or replace into grants (id, facts) select value->>0, value->1 from json_each(?)';

/** Params: list of id. */
export const deleteGrants: string = 'delete from grants where id in (select value from json_each(?))';

/** Params: list of [n, facts]. */
export const putClients: string = 'insert or replace into client (n, facts) select value->>0, value->1 from json_each(?)';

/** Params: list of [id, sequence, receipts, seenAt, open]. */
export const putSubmitters: string = `
  insert or replace into submitter (id, sequence, receipts, seen_at, open) select value->>0, value->>1, value->2, value->>3, value->>4 from json_each(?)`;

/** Params: list of id. */
export const deleteSubmitters: string = 'delete from submitter where id in (select value from json_each(?))';

/** The ends of a commit. Params: ordinal of the first, how many, their numbers as runs, when. */
export const putCompletion: string = `
  insert into completion (ordinal, count, tasks, ended_at) values (?, ?, ?, ?)
  on conflict (ordinal) do update set count = excluded.count, tasks = excluded.tasks, ended_at = excluded.ended_at where completion.count = 0`;

/** The rows that hold the ends after a cursor, oldest first. Params: cursor, how many ends. */
export const getCompletions: string = `
  select ordinal, tasks from completion
  where ordinal >= (select coalesce(max(ordinal), 0) from completion where ordinal <= ?1 + 1) and ordinal <= ?1 + ?2 order by ordinal`;

/** The last recorded end. */
export const lastCompletion: string = 'select ordinal + count - 1 as last from completion order by ordinal desc limit 1';

/** The ordinal of the oldest record. */
export const firstCompletion: string = 'select min(ordinal) as ordinal from completion';

/** Records from an ordinal on. Params: ordinal, limit. */
export const completionsFrom: string = 'select ordinal, tasks, ended_at from completion where ordinal >= ? order by ordinal limit ?';

/** Params: ordinal. */
export const removeCompletions: string = 'delete from completion where ordinal < ?';

/** Which records are not over: their task is done, and was not queued again since. Params: list of [n, ordinal]. */
export const liveRecords: string = `
  select task.n, j.value->>1 as ordinal from json_each(?) j cross join task on task.n = j.value->>0
  where task.state = 4 and not exists (select 1 from reopened r where r.n = task.n and r.before >= j.value->>1)`;

/** Params: value, name. */
export const putMeta: string = 'update meta set value = ? where name = ?';

/** As `putMeta`, for what older files do not have. Params: name, value. */
export const setMeta: string = 'insert or replace into meta (name, value) values (?, ?)';

/**
 * Leaves it as it is; returns 1, or 0 if it is another. For inside of a transaction that writes: rows that are read take three times as long as a change that is
 * counted. Params: epoch.
 */
export const confirmEpoch: string = `update meta set value = value where name = 'epoch' and value = ?`;

/** Params: none. */
export const getEpoch: string = `select value from meta where name = 'epoch'`;

export const getMeta: string = 'select name, value from meta';

/** Ready tasks from the start of the queue. Params: limit. */
export const readyFromStart: string = `select ${storedRow} from task where state = 1 order by grp, rank, n limit ?`;

/**
 * Ready tasks of one group and rank behind a number. SQLite seeks a comparison of three values by the first two alone: of a queue without priorities
 * it would begin at its start (5 ms at the 40,000th). Params: group, rank, n, limit.
 */
export const readyOfTier: string = `
  select ${storedRow} from task where state = 1 and grp = ? and rank = ? and n > ? order by n limit ?`;

/**
 * The same as one JSON text, without those that are long, and whether there are such. Of each task n, attempts, losses, readyAt, lane and task, one behind the
 * other: all else is known of them. Read and parsed at 1.3 µs a task, as `storedRow` at 2.2. Params: group, rank, n, limit.
 */
export const readyPage: string = `
  select '[' || group_concat(case when size <= 4096 then row end) || ']' as page, max(size) > 4096 as partial from (
  select n || ',' || attempts || ',' || losses || ',' || coalesce(ready_at, 'null') || ',' || coalesce(lane, 'null') || ',' || task as row, length(task) as size
  from task where state = 1 and grp = ? and rank = ? and n > ? order by n limit ?)`;

/** Ready tasks behind the last of a group and rank. Params: group, rank, limit. */
export const readyBehind: string = `
  select ${storedRow} from task where state = 1 and (grp, rank) > (?, ?) order by grp, rank, n limit ?`;

/** The same of one lane. Params: lane, group, rank, n, limit. */
export const readyOfLane: string = `
  select ${storedRow} from task where state = 1 and lane = ? and (grp, rank, n) > (?, ?, ?) order by grp, rank, n limit ?`;

/** The same without some lanes, which are passed over in the index. Params: group, rank, n, list of lanes, limit. */
export const readyExcept: string = `
  select ${storedRow} from task where state = 1 and (grp, rank, n) > (?, ?, ?)
  and (lane is null or lane not in (select value from json_each(?))) order by grp, rank, n limit ?`;

/** By the index `task_ready`, so without reading a task. */
export const countReady: string = 'select count(*) as count from task where state = 1';

export const waitingTasks: string = `select ${storedRow} from task where state = 0 order by n`;

/** In the order of the list. Params: list of n. */
export const pendingTasks: string = `
  select ${storedRow} from json_each(?) j cross join task on task.n = j.value where task.state <> 4`;

/** How tasks stand, in the order of the list; -1: there is none. Params: list of n. */
export const outcomesOf: string = `
  select j.value as n, case when task.n is null then -1 when task.state = 4 then task.outcome else 0 end as outcome, coalesce(task.grp, 0) as grp
  from json_each(?) j left join task on task.n = j.value order by j.id`;

/** In the order of the list. Params: list of n. */
export const recordsOf: string = `select ${recordRow} from json_each(?) j cross join task on task.n = j.value`;

/** Params: list of keys as JSON strings. */
export const knownKeys: string = 'select key, min(n) as n from task where key in (select value from json_each(?)) group by key';

/** Params: list of ids as JSON strings. */
export const knownIds: string = 'select user_id, n from task where user_id in (select value from json_each(?))';

/** Params: n. */
export const attemptsOf: string = 'select outcome, end from attempt where n = ? order by id';

export const allGrants: string = 'select id, facts from grants order by id';
export const allClients: string = 'select n, facts from client order by n';
export const allSubmitters: string = 'select id, sequence, receipts, seen_at, open from submitter';
export const highestTask: string = 'select max(n) as n from task';
