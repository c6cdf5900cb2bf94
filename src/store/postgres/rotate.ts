/**
 * Moves finished tasks to another schema of the same database, in steps of one transaction each, so that a task is always in exactly one of them. The other
 * schema is a queue like this one: it is read as this one is, dumped by its name, and dropped at once, whatever is in it.
 *
 * All that has ended: then nobody may hold the queue meanwhile. What ended some time ago: beside the server that holds it, which waits for a step (some 0.1 s)
 * as for another commit.
 */
import { type Clock, pauseFor } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { Front } from '../front.ts';
import { toRuns } from '../ranges.ts';
import type { StoreCounts } from '../store.ts';
import type { ConnectionFacts } from './address.ts';
import { firstRecord } from './completed.ts';
import { connect } from './connect.ts';
import { type Dial, type Driver, listOf } from './driver.ts';
import { Line } from './line.ts';
import { inspect, migrate } from './migrate.ts';
import { type Queries, queriesOf } from './queries.ts';
import { readFront, removeFront } from './retain.ts';
import { type RotateQueries, rotateQueriesOf } from './rotate-queries.ts';

/** Tasks of one step. */
const step = 2_000;

/** The way to both schemas: it is one connection. */
interface Route {
  readonly line: Line;
  readonly from: Queries;
  readonly to: Queries;
  readonly both: RotateQueries;
  readonly target: ConnectionFacts;
}

/**
 * @param age Only what ended longer ago (ms); null: all.
 * @returns how many tasks were moved
 * @throws ERR_DATABASE and its kin, ERR_DATABASE_IN_USE when all is to be moved and a server holds the queue, ERR_OPTION
 */
export async function rotate(
  dial: Dial,
  facts: ConnectionFacts,
  target: ConnectionFacts,
  age: number | null,
  clock: Clock,
): Promise<number> {
  checkTarget(facts, target);
  const line = new Line(dial, facts, clock);
  try {
    await line.transaction(async (driver) => {
      if ((await inspect(driver, facts)) === 0)
        throw new MillraceError('ERR_DATABASE_FOREIGN', `${facts.place} is empty: no server has stored anything in it yet`);
      await migrate(driver, facts, () => '');
    });
    const route: Route = {
      line,
      from: queriesOf(facts.schema),
      to: queriesOf(target.schema),
      both: rotateQueriesOf(facts.schema, target.schema),
      target,
    };
    if (age !== null) return await move(route, clock.wall() - age, clock);
    return await alone(dial, facts, clock, () => move(route, null, clock));
  } finally {
    await line.close();
  }
}

function checkTarget(facts: ConnectionFacts, target: ConnectionFacts): void {
  const { host, port, database } = facts.options;
  if (host !== target.options.host || port !== target.options.port || database !== target.options.database)
    throw new MillraceError(
      'ERR_OPTION',
      'target: tasks are moved to another schema of the same database: give its address with another ?schema=',
    );
  if (facts.schema === target.schema)
    throw new MillraceError('ERR_OPTION', 'target: tasks are moved to another schema, not to the same one: give another ?schema=');
}

/** While no server holds the queue, and none can take it. */
async function alone<T>(dial: Dial, facts: ConnectionFacts, clock: Clock, call: () => Promise<T>): Promise<T> {
  const { line, reader, sql, held } = await connect(dial, facts, { access: 'write', salt: () => '', clock });
  try {
    return await call();
  } finally {
    held?.stop();
    // The next server is told what this one was: how the server before it ended.
    if (held !== null) await line.run((driver) => driver.query(sql.release, [held.epoch, held.clean])).catch(() => {});
    await Promise.all([line.close(), reader.close()]);
  }
}

async function move(route: Route, before: number | null, clock: Clock): Promise<number> {
  const { line, from, target } = route;
  await line.transaction(async (driver) => {
    const [state] = await driver.query(from.state);
    const salt = String(state?.salt);
    await migrate(driver, target, () => salt);
    const [other] = await driver.query(route.to.state);
    if (other?.salt !== salt)
      throw new MillraceError('ERR_DATABASE', `${target.place} holds tasks of another queue, whose ids could clash: name another schema`);
  });
  // What unfinished tasks depend on; those that come meanwhile are looked at in each step.
  const needed = new Set<number>();
  let seen = 0;
  const look = async (driver: Driver): Promise<void> => {
    const highest = Number((await driver.query(route.both.highest))[0]?.n);
    if (highest === seen) return;
    const parents = await (seen === 0 ? driver.query(route.both.parents) : driver.query(route.both.parentsBehind, [seen]));
    for (const { n } of parents) needed.add(Number(n));
    seen = highest;
  };
  await line.run(look);
  let moved = 0;
  for (;;) {
    const going = await line.transaction(async (driver) => {
      const [state] = await driver.query(route.both.lockFrom);
      await driver.query(route.both.lockTo);
      await look(driver);
      const first = await firstRecord(driver, from);
      const limits = { excess: before === null ? Number.POSITIVE_INFINITY : 0, before: before ?? 0, most: step };
      const front = first === null ? null : await readFront(driver, from, first, { ...limits, stays: (n) => needed.has(n) });
      if (front === null) return null;
      if (front.live.length > 0) await copy(driver, route, front);
      await removeFront(driver, from, front, Number(state?.ended));
      return front.live.length;
    });
    if (going === null) return moved;
    moved += going;
    // Whoever waits for the queue gets it.
    await pauseFor(clock, 5);
  }
}

async function copy(driver: Driver, { both, to, target }: Route, { live, endedAt }: Front): Promise<void> {
  const list = listOf(live);
  const [clash] = await driver.query(both.clashingIds, [list]);
  if (clash !== undefined)
    throw new MillraceError(
      'ERR_DATABASE',
      `${target.place} has an older task with the id ${String(clash.user_id)}: rotate to a new schema`,
    );
  for (const query of [both.copyTasks, both.copyAttempts]) await driver.query(query, [list]);
  await driver.query(both.copyClients);
  const [state] = await driver.query(to.state);
  const counts = JSON.parse(String(state?.counts)) as StoreCounts;
  for (const { outcome, count } of await driver.query(both.outcomesOf, [list])) {
    counts.submitted += Number(count);
    counts.outcomes[Number(outcome)] = (counts.outcomes[Number(outcome)] ?? 0) + Number(count);
  }
  await driver.query(to.putCompletion, [Number(state?.ended) + 1, live.length, listOf(toRuns(live)), endedAt]);
  await driver.query(both.moved, [live.length, JSON.stringify(counts)]);
}
