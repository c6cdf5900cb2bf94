/**
 * Every statement of the adapter but `find`: one place, a line of contract each. A `list` is a JSON array, one statement for all of its
 * items: 197-259 k tasks/s against 135 k row by row.
 */

/**
 * What `storedTask` reads: a row as one JSON text, put together from texts that are JSON already. It is read at 3.5 µs a row, as columns at 9 and
 * the parsing of two of them beside. The rank goes back into a comparison, so it keeps all its digits.
 */
const storedRow = `'[' || n || ',' || state || ',' || grp || ',' || printf('%!.17g', rank) || ',' || attempts || ',' || losses || ','
  || coalesce(ready_at, 'null') || ',' || task || ']' as row`;

/** What `taskRow` reads. */
export const recordRow: string = `'[' || n || ',' || state || ',' || grp || ',' || attempts || ',' || losses || ',' || outcome || ','
  || task || ',' || coalesce(end, 'null') || ']' as row`;

/** New tasks, never tried and without key or id. Params: list of [n, state, group, rank, task]. */
export const insertTasks: string = `
  insert into task (n, state, grp, rank, task)
  select value->>0, value->>1, value->>2, value->>3, value->4 from json_each(?)`;

/** New tasks. Params: list of [n, state, group, rank, task, attempts, losses, readyAt, key, id]. */
export const insertTasksInFull: string = `
  insert into task (n, state, grp, rank, task, attempts, losses, ready_at, key, user_id)
  select value->>0, value->>1, value->>2, value->>3, value->4, value->>5, value->>6, value->>7, value->>8, value->>9 from json_each(?)`;

/** A new task. Params: as an item of `insertTasksInFull`. */
export const insertTask: string = `
  insert into task (n, state, grp, rank, task, attempts, losses, ready_at, key, user_id) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Tasks that are not done go where they are told. Params: list of [n, state, group, rank, attempts, losses, readyAt]. */
export const moveTasks: string = `
  update task set state = j.value->>1, grp = j.value->>2, rank = j.value->>3, attempts = j.value->>4, losses = j.value->>5, ready_at = j.value->>6
  from json_each(?) j where task.n = j.value->>0 and task.state <> 4`;

/** Record ends; returns how many of the tasks were not done yet. Params: list of [n, outcome, end], each n once. */
export const endTasks: string = `
  update task set state = 4, outcome = j.value->>1, end = j.value->2 from json_each(?) j where task.n = j.value->>0 and task.state <> 4`;

/** Record one end; returns 1, or 0 if the task was done. Params: n, outcome, end. */
export const endTask: string = 'update task set state = 4, outcome = ?2, end = ?3 where n = ?1 and state <> 4';

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

/** Params: list of [id, sequence, receipts, seenAt]. */
export const putSubmitters: string = `
  insert or replace into submitter (id, sequence, receipts, seen_at) select value->>0, value->>1, value->2, value->>3 from json_each(?)`;

/** The ends of a commit. Params: ordinal of the first, how many, their numbers as runs. */
export const putCompletion: string = 'insert into completion (ordinal, count, tasks) values (?, ?, ?)';

/** The rows that hold the ends after a cursor, oldest first. Params: cursor, how many ends. */
export const getCompletions: string = `
  select ordinal, tasks from completion
  where ordinal >= (select coalesce(max(ordinal), 0) from completion where ordinal <= ?1 + 1) and ordinal <= ?1 + ?2 order by ordinal`;

/** The last recorded end. */
export const lastCompletion: string = 'select ordinal + count - 1 as last from completion order by ordinal desc limit 1';

/** Params: value, name. */
export const putMeta: string = 'update meta set value = ? where name = ?';

export const getMeta: string = 'select name, value from meta';

/** Ready tasks from the start of the queue. Params: limit. */
export const readyFromStart: string = `select ${storedRow} from task where state = 1 order by grp, rank, n limit ?`;

/** Ready tasks behind a place of the queue. Params: group, rank, n, limit. */
export const readyAfter: string = `
  select ${storedRow} from task where state = 1 and (grp, rank, n) > (?, ?, ?) order by grp, rank, n limit ?`;

/** By the index `task_ready`, so without reading a task. */
export const countReady: string = 'select count(*) as count from task where state = 1';

export const waitingTasks: string = `select ${storedRow} from task where state = 0 order by n`;

/** In the order of the list. Params: list of n. */
export const pendingTasks: string = `
  select ${storedRow} from json_each(?) j cross join task on task.n = j.value where task.state <> 4`;

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
export const allSubmitters: string = 'select id, sequence, receipts, seen_at from submitter';
export const highestTask: string = 'select max(n) as n from task';
