/**
 * Upkeep of a file that no server holds (but for a backup), on connections of its own.
 *
 * A rotation goes in steps of two transactions: what ended first is written to the other file, then removed from this one. A transaction over two
 * files in WAL mode is not one transaction, so a step that was cut off in between is found in both and is written over.
 */
import { closeSync, existsSync, fsyncSync, linkSync, lstatSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Clock, pauseFor } from '../../base/clock.ts';
import { MillraceError, reasonOf } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Front } from '../front.ts';
import { toRuns } from '../ranges.ts';
import type { StoreCounts } from '../store.ts';
import { type Connection, type ConnectOptions, connect } from './connect.ts';
import type { DriverKind } from './driver.ts';
import { canonicalPath, makePrivateFile } from './lock.ts';
import * as sql from './queries.ts';
import { readFront, removeFront } from './retain.ts';
import * as steps from './rotate-queries.ts';
import { Statements } from './statements.ts';

/** Tasks of one step. */
const step = 2_000;

function opened<T>(connection: Connection, call: (statements: Statements) => T): T {
  const statements = new Statements(connection.driver);
  try {
    return call(statements);
  } catch (error) {
    throw connection.toError(error);
  } finally {
    connection.close();
    statements.forget();
  }
}

function options(salt: () => string): ConnectOptions {
  return { access: 'write', synchronous: 'FULL', salt };
}

/** The file must be there: upkeep makes none. */
function existing(database: string): string {
  if (!existsSync(database)) throw new MillraceError('ERR_DATABASE', `${database} does not exist: name the file of a database`);
  return canonicalPath(database);
}

function checkFolder(target: string): void {
  const folder = dirname(resolve(target));
  if (!existsSync(folder)) throw new MillraceError('ERR_DATABASE', `${target}: there is no folder ${folder}; make it first`);
}

export function vacuum(kind: DriverKind, database: string, salt: () => string): number {
  const path = existing(database);
  const before = statSync(path).size;
  opened(connect(kind, path, options(salt)), (statements) => statements.exec('vacuum'));
  return Math.max(0, before - statSync(path).size);
}

export function backup(kind: DriverKind, database: string, target: string): void {
  const path = existing(database);
  const copy = `${target}.${newId()}`;
  const taken = (): MillraceError => new MillraceError('ERR_DATABASE', `${target} exists: a backup writes over nothing, name another file`);
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) throw taken();
  checkFolder(target);
  try {
    opened(connect(kind, path, { access: 'read', synchronous: 'FULL', salt: () => '' }), (statements) => {
      makePrivateFile(copy);
      statements.exec('pragma query_only = 0');
      statements.run('vacuum into ?', copy);
    });
    forgetHolder(kind, copy);
    // SQLite leaves the copy to the operating system. Nothing else has it open.
    const descriptor = openSync(copy, 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
    link(copy, target, taken);
  } finally {
    rmSync(copy, { force: true });
  }
}

/** That a server has the original open says nothing of the copy. */
function forgetHolder(kind: DriverKind, copy: string): void {
  const driver = kind.open(copy);
  try {
    driver.exec(`delete from meta where name = 'clean'`);
  } finally {
    driver.close();
  }
}

/** Under its name at once and whole, and never over another file. */
function link(copy: string, target: string, taken: () => MillraceError): void {
  try {
    linkSync(copy, target);
  } catch (cause) {
    if (existsSync(target)) throw taken();
    throw new MillraceError('ERR_DATABASE', `${target} cannot be made: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** `age`: only what ended longer ago (ms). */
export async function rotate(kind: DriverKind, database: string, target: string, age: number | null, clock: Clock): Promise<number> {
  const path = existing(database);
  const source = connect(
    kind,
    path,
    options(() => ''),
  );
  const from = new Statements(source.driver);
  let other: Connection | null = null;
  try {
    checkFolder(target);
    if (canonicalPath(target) === path)
      throw new MillraceError('ERR_OPTION', 'target: tasks are moved to another file, not to the same one');
    const meta = new Map(from.all(sql.getMeta).map((row) => [row.name, row.value]));
    other = connect(
      kind,
      target,
      options(() => String(meta.get('salt'))),
    );
    return await move(from, other, String(meta.get('salt')), age === null ? null : clock.wall() - age, clock);
  } catch (error) {
    throw (other ?? source).toError(error);
  } finally {
    other?.close();
    source.close();
    from.forget();
  }
}

async function move(from: Statements, other: Connection, salt: string, before: number | null, clock: Clock): Promise<number> {
  const found = other.driver.prepare(`select value from meta where name = 'salt'`).all()[0]?.value;
  if (found !== salt)
    throw new MillraceError('ERR_DATABASE', `${other.path} holds tasks of another database, whose ids could clash: name another file`);
  from.run('attach ? as other', other.path);
  from.exec('pragma other.synchronous = full');
  const needed = new Set(from.all(steps.parentsOfOpenTasks).map((row) => Number(row.n)));
  const until = Number(from.all(sql.lastCompletion)[0]?.last ?? 0);
  let moved = 0;
  for (;;) {
    const front = readFront(from, { excess: before === null ? Number.POSITIVE_INFINITY : 0, before: before ?? 0, most: step, until });
    if (front === null) return moved;
    const going = front.live.filter((n) => !needed.has(n));
    from.transaction(() => copy(from, going, front));
    from.transaction(() => takeOff(from, front, needed));
    moved += going.length;
    await pauseFor(clock, 0);
  }
}

function copy(from: Statements, numbers: readonly number[], { endedAt }: Front): void {
  const list = JSON.stringify(numbers);
  const [clash] = from.all(steps.clashingIds, list);
  if (clash !== undefined)
    throw new MillraceError('ERR_DATABASE', `the other file has an older task with the id ${String(clash.user_id)}: rotate to a new file`);
  const there = new Set(from.all(steps.alreadyThere, list).map((row) => Number(row.n)));
  for (const query of steps.copies) from.run(query, list);
  const added = numbers.filter((n) => !there.has(n));
  if (added.length > 0) {
    const ordinal = Number(from.all(steps.lastThere)[0]?.last ?? 0) + 1;
    from.run(steps.putCompletionThere, ordinal, added.length, JSON.stringify(toRuns(added)), endedAt);
  }
  const counts = JSON.parse(String(from.all(steps.countsThere)[0]?.value)) as StoreCounts;
  for (const { outcome, count } of from.all(steps.outcomesOf, JSON.stringify(added))) {
    counts.submitted += Number(count);
    counts.outcomes[Number(outcome)] = (counts.outcomes[Number(outcome)] ?? 0) + Number(count);
  }
  from.run(steps.putCountsThere, JSON.stringify(counts));
  from.exec(steps.nextTaskThere);
}

/** What must stay is recorded anew behind the last end, so that the record stays without gaps. */
function takeOff(from: Statements, front: Front, needed: ReadonlySet<number>): void {
  const ended = Number(from.all(sql.lastCompletion)[0]?.last ?? 0);
  removeFront(from, front, ended, needed);
  const stay = front.live.filter((n) => needed.has(n));
  if (stay.length === 0) return;
  from.run(sql.putCompletion, ended + 1, stay.length, JSON.stringify(toRuns(stay)), front.endedAt);
  from.bulk(sql.removeReopened, stay);
}
