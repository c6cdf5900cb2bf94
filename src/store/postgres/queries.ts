/** Every statement of the adapter but `find`'s conditions: one place, a line of contract each. A `list` is an array of PostgreSQL. */

/** What `storedTask` reads. */
const storedRow = 't.n, t.state, t.grp, t.rank, t.task, t.input, t.input_bytes, t.attributes, t.attempts, t.losses, t.ready_at, t.lane';
/** What `taskRow` reads; `lightRow`: without input and output. */
const lightRow = 't.n, t.state, t.grp, t.task, t.attributes, t.attempts, t.losses, t.outcome, t.ending';
const recordRow = `${lightRow}, t.input, t.input_bytes, t.output, t.output_bytes`;

export interface Queries {
  readonly commit: string;
  readonly putInput: string;
  readonly putOutput: string;
  readonly putAttemptOutput: string;
  readonly heartbeat: string;
  readonly look: string;
  readonly hold: string;
  readonly release: string;
  readonly announce: string;
  readonly holder: string;
  readonly state: string;
  readonly fence: string;
  readonly readyFromStart: string;
  readonly readyAfter: string;
  readonly readyOfLane: string;
  readonly readyExcept: string;
  readonly countReady: string;
  readonly waiting: string;
  readonly pending: string;
  readonly outcomes: string;
  readonly records: string;
  readonly light: string;
  readonly numbers: string;
  readonly count: string;
  readonly knownKeys: string;
  readonly knownIds: string;
  readonly attempts: string;
  readonly grants: string;
  readonly removeGrants: string;
  readonly clients: string;
  readonly submitters: string;
  readonly highestTask: string;
  readonly lastCompletion: string;
  readonly firstCompletion: string;
  readonly completions: string;
  readonly completionsFrom: string;
  readonly liveRecords: string;
  readonly putCompletion: string;
  readonly removeCompletions: string;
  readonly removeTasks: string;
  readonly removeAttempts: string;
  readonly removeReopened: string;
  readonly removeReopenedBefore: string;
  readonly addStale: string;
  readonly analyze: string;
  readonly follow: string;
  readonly unfollow: string;
  readonly followers: string;
  readonly names: string;
  readonly nameOf: string;
  readonly putNames: string;
  readonly removeNames: string;
  readonly countSessionWrite: string;
  readonly sessions: string;
  readonly putSessions: string;
  readonly putEntries: string;
  readonly someEntries: string;
  readonly removeSessions: string;
  readonly removeEntries: string;
}

/** Whose session this is: gone with its connection. */
const session = `(select pid || ' ' || backend_start from pg_stat_activity where pid = pg_backend_pid())`;

/** @param s The schema, as a name in SQL. */
export function queriesOf(s: string): Queries {
  return {
    /** See the migration. Params: in its order. */
    commit: `select ${s}.commit(${Array.from({ length: 59 }, (_, i) => `$${i + 1}`).join(', ')}) as recorded`,
    /** What was too much for the commit. Params: n, input, bytes. */
    putInput: `update ${s}.task set input = $2, input_bytes = $3::bytea where n = $1`,
    /** The same of an end, as long as it is the last. Params: n, ending, output, bytes. */
    putOutput: `update ${s}.task set output = $3, output_bytes = $4::bytea where n = $1 and ending = $2 returning n`,
    /** The same, once it is history. */
    putAttemptOutput: `update ${s}.attempt set output = $3, output_bytes = $4::bytea where n = $1 and ending = $2`,
    /** A sign of life; no row: another one holds the queue. Params: epoch. */
    heartbeat: `update ${s}.state set seen_at = clock_timestamp(), session = ${session} where epoch = $1 and held returning epoch`,
    /** Who holds the queue, locked: for how long (ms) nothing was heard of it, while this database ran, and whether its session is there. */
    look: `select epoch, held, clean, seen_at::text as seen_at, announcement,
      extract(epoch from clock_timestamp() - greatest(seen_at, pg_postmaster_start_time()))::double precision * 1000 as silent,
      exists (select 1 from pg_stat_activity a where a.pid || ' ' || a.backend_start = session) as there from ${s}.state for update`,
    /** Take the queue. */
    hold: `update ${s}.state set epoch = epoch + 1, held = true, clean = false, announcement = null, seen_at = clock_timestamp(), session = ${session} returning epoch`,
    /** Give it back. Params: epoch, whether it ended cleanly. */
    release: `update ${s}.state set held = false, clean = $2, announcement = null where epoch = $1`,
    /** Params: epoch, word for others. */
    announce: `update ${s}.state set announcement = $2 where epoch = $1`,
    holder: `select case when held then announcement end as announcement, counts from ${s}.state`,
    state: `select salt, epoch, commits, ended, stale, next_task, counts from ${s}.state`,
    /** Whether one still holds the queue, and until the end of the transaction. Params: epoch. */
    fence: `select ended, stale from ${s}.state where epoch = $1 and held for update`,

    /** Ready tasks from the start of the queue. Params: limit. */
    readyFromStart: `select ${storedRow} from ${s}.task t where t.state = 1 order by t.grp, t.rank, t.n limit $1`,
    /** Ready tasks behind a place of the queue. Params: group, rank, n, limit. */
    readyAfter: `select ${storedRow} from ${s}.task t where t.state = 1 and (t.grp, t.rank, t.n) > ($1::bigint, $2::double precision, $3::bigint)
      order by t.grp, t.rank, t.n limit $4`,
    /** The same of one lane. Params: group, rank, n, limit, lane. */
    readyOfLane: `select ${storedRow} from ${s}.task t where t.state = 1 and t.lane is not null and hashtextextended(t.lane, 0) = hashtextextended($5::text, 0)
      and t.lane = $5::text and (t.grp, t.rank, t.n) > ($1::bigint, $2::double precision, $3::bigint) order by t.grp, t.rank, t.n limit $4`,
    /** The same without some lanes. Params: group, rank, n, limit, list of lanes. */
    readyExcept: `select ${storedRow} from ${s}.task t where t.state = 1 and (t.lane is null or t.lane <> all($5::text[]))
      and (t.grp, t.rank, t.n) > ($1::bigint, $2::double precision, $3::bigint) order by t.grp, t.rank, t.n limit $4`,
    countReady: `select count(*) as count from ${s}.task where state = 1`,
    waiting: `select ${storedRow} from ${s}.task t where t.state = 0 order by t.n`,
    /** In the order of the list. Params: list of n. */
    pending: `select ${storedRow} from unnest($1::bigint[]) with ordinality j (n, place) join ${s}.task t on t.n = j.n where t.state <> 4 order by j.place`,
    /** How tasks stand, in the order of the list; -1: there is none. Params: list of n. */
    outcomes: `select j.n, case when t.n is null then -1 when t.state = 4 then t.outcome else 0 end as outcome, coalesce(t.grp, 0) as grp
      from unnest($1::bigint[]) with ordinality j (n, place) left join ${s}.task t on t.n = j.n order by j.place`,
    /** In the order of the list. Params: list of n. */
    records: `select ${recordRow} from unnest($1::bigint[]) with ordinality j (n, place) join ${s}.task t on t.n = j.n order by j.place`,
    /** To be followed by conditions. */
    light: `select ${lightRow} from ${s}.task t`,
    numbers: `select t.n from ${s}.task t`,
    count: `select 1 from ${s}.task t`,

    /** Params: list of keys as JSON. */
    knownKeys: `select key, min(n) as n from ${s}.task where key = any($1::text[]) group by key`,
    /** Params: list of ids as JSON. */
    knownIds: `select user_id, n from ${s}.task where user_id = any($1::text[])`,
    /** Attempts that did not end their task. Params: n. */
    attempts: `select outcome, ending, output, output_bytes from ${s}.attempt where n = $1 order by id`,
    grants: `select id, facts from ${s}.grants order by id`,
    /** Params: list of id. */
    removeGrants: `delete from ${s}.grants where id = any($1::bigint[])`,
    clients: `select n, facts from ${s}.client order by n`,
    submitters: `select id, sequence, receipts, seen_at, open from ${s}.submitter`,
    highestTask: `select max(n) as n from ${s}.task`,

    lastCompletion: `select ended from ${s}.state`,
    /** The ordinal of the oldest record. */
    firstCompletion: `select ordinal from ${s}.completion order by ordinal limit 1`,
    /** The rows that hold the ends after a cursor, oldest first. Params: cursor, how many ends. */
    completions: `select ordinal, tasks from ${s}.completion
      where ordinal >= coalesce((select c.ordinal from ${s}.completion c where c.ordinal <= $1::bigint + 1 order by c.ordinal desc limit 1), 0)
      and ordinal <= $1::bigint + $2::bigint order by ordinal`,
    /** Records from an ordinal on. Params: ordinal, limit. */
    completionsFrom: `select ordinal, tasks, ended_at from ${s}.completion where ordinal >= $1 order by ordinal limit $2`,
    /** Which records are not over: their task is done, and was not queued again since. Params: list of n, list of their ordinals. */
    liveRecords: `select j.ordinal from unnest($1::bigint[], $2::bigint[]) j (n, ordinal) join ${s}.task t on t.n = j.n
      where t.state = 4 and not exists (select 1 from ${s}.reopened r where r.n = t.n and r.before >= j.ordinal)`,
    /** Params: ordinal of the first, how many, their numbers as runs, when. */
    putCompletion: `insert into ${s}.completion (ordinal, count, tasks, ended_at) values ($1, $2, $3, $4)
      on conflict (ordinal) do update set count = excluded.count, tasks = excluded.tasks, ended_at = excluded.ended_at`,
    /** Params: ordinal. */
    removeCompletions: `delete from ${s}.completion where ordinal < $1`,
    /** Each with a list of n. */
    removeTasks: `delete from ${s}.task where n = any($1::bigint[])`,
    removeAttempts: `delete from ${s}.attempt where n = any($1::bigint[])`,
    removeReopened: `delete from ${s}.reopened where n = any($1::bigint[])`,
    /** Params: ordinal, list of n. */
    removeReopenedBefore: `delete from ${s}.reopened where before < $1 and n = any($2::bigint[])`,
    /** Params: how many more (or fewer). */
    addStale: `update ${s}.state set stale = stale + $1`,
    analyze: `analyze ${s}.task`,

    /** A sign of life of one that follows; those that are long gone are forgotten. Params: id, address. */
    follow: `with gone as (delete from ${s}.server where seen_at < clock_timestamp() - interval '1 day' and id <> $1)
      insert into ${s}.server (id, address) values ($1, $2) on conflict (id) do update set seen_at = clock_timestamp(), address = excluded.address`,
    /** Params: id. */
    unfollow: `delete from ${s}.server where id = $1`,
    /** Those that were heard of lately. */
    followers: `select id from ${s}.server where seen_at > clock_timestamp() - interval '4 seconds'`,

    names: `select name, facts, lease, renewed_at from ${s}.name`,
    /** Params: name as JSON. */
    nameOf: `select name, facts, lease, renewed_at from ${s}.name where name = $1`,
    /** Of names that are not there. Params: lists of name as JSON, facts, lease, renewal. */
    putNames: `insert into ${s}.name (name, facts, lease, renewed_at)
      select * from unnest($1::text[], $2::text[], $3::double precision[], $4::double precision[])`,
    /** Params: list of names as JSON. */
    removeNames: `delete from ${s}.name where name = any($1::text[])`,

    /** No row: this write was made before. Params: epoch, its number there. */
    countSessionWrite: `update ${s}.graph_write set epoch = $1::bigint, number = $2::bigint where (epoch, number) < ($1::bigint, $2::bigint) returning number`,
    sessions: `select n, facts from ${s}.graph_session order by n`,
    /** Each once. Params: lists of n, facts. */
    putSessions: `insert into ${s}.graph_session (n, facts) select * from unnest($1::bigint[], $2::text[])
      on conflict (n) do update set facts = excluded.facts`,
    /** In the order of the lists. Params: lists of session, body, bytes. */
    putEntries: `insert into ${s}.graph_entry (session, body, bytes)
      select e.session, e.body, e.bytes from unnest($1::bigint[], $2::text[], $3::bytea[]) with ordinality e (session, body, bytes, place) order by e.place`,
    /** The next entries of a history. Params: session, number of the last one, how many. */
    someEntries: `select number, body, bytes from ${s}.graph_entry where session = $1 and number > $2 order by number limit $3`,
    /** Each with a list of n. */
    removeSessions: `delete from ${s}.graph_session where n = any($1::bigint[])`,
    removeEntries: `delete from ${s}.graph_entry where session = any($1::bigint[])`,
  };
}
