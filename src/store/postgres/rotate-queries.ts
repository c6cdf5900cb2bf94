/** The statements of a rotation from one schema to another. A list of n is an array. */

export interface RotateQueries {
  readonly lockFrom: string;
  readonly lockTo: string;
  readonly parents: string;
  readonly parentsBehind: string;
  readonly highest: string;
  readonly clashingIds: string;
  readonly copyTasks: string;
  readonly copyAttempts: string;
  readonly copyClients: string;
  readonly outcomesOf: string;
  readonly moved: string;
}

const task =
  'n, state, grp, rank, task, input, input_bytes, attributes, outcome, ending, output, output_bytes, attempts, losses, ready_at, key, user_id, lane';
const attempt = 'n, outcome, ending, output, output_bytes';

/** JSON may hold what PostgreSQL cannot, so it is not parsed; in a text of users the quotes would be escaped. */
function parentsOf(schema: string): string {
  return `select distinct p::bigint as n from ${schema}.task t, unnest(string_to_array(substring(t.attributes from '"parents":\\[([0-9,]*)\\]'), ',')) p
    where t.state in (0, 1) and t.attributes is not null`;
}

/** @param from The schema, as a name in SQL. @param to The other. */
export function rotateQueriesOf(from: string, to: string): RotateQueries {
  return {
    lockFrom: `select ended from ${from}.state for update`,
    lockTo: `select ended from ${to}.state for update`,
    /** What unfinished tasks depend on. */
    parents: parentsOf(from),
    /** The same of those behind an n. Params: n. */
    parentsBehind: `${parentsOf(from)} and t.n > $1`,
    highest: `select coalesce(max(n), 0) as n from ${from}.task`,
    /** Ids of users that were free again and given to another task. Params: list of n. */
    clashingIds: `select mine.user_id from ${from}.task mine join ${to}.task theirs on theirs.user_id = mine.user_id
      where mine.n = any($1::bigint[]) and mine.user_id is not null limit 1`,
    copyTasks: `insert into ${to}.task (${task}) select ${task} from ${from}.task where n = any($1::bigint[])`,
    copyAttempts: `insert into ${to}.attempt (${attempt}) select ${attempt} from ${from}.attempt where n = any($1::bigint[]) order by id`,
    copyClients: `insert into ${to}.client (n, facts) select n, facts from ${from}.client c
      where not exists (select 1 from ${to}.client there where there.n = c.n)`,
    outcomesOf: `select outcome, count(*) as count from ${from}.task where n = any($1::bigint[]) group by outcome`,
    /** So many more are there; a server that opened it would number its tasks on from here. Params: how many, counts. */
    moved: `update ${to}.state set ended = ended + $1, counts = $2, next_task = greatest(next_task, (select next_task from ${from}.state))`,
  };
}
