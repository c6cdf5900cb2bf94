/**
 * Opens the database: whose schema it is, which shape it has, and who holds the queue. One server at a time holds it; that one gives a sign of life each
 * second, by the database's clock.
 *
 * A holder is gone when its session is, and nothing was heard of it for `graceOfSession`; or, where the session is no sign (a pooler keeps it, or the
 * holder's machine is cut off), when nothing was heard of it for `lease`. Time in which the database itself was down does not count. The clock of the database may
 * be set: forward, and a holder that lives seems silent, so that it is watched for a while; back, and one that is dead seems to have spoken in the future, so
 * that the time for which it was watched counts as well.
 */
import { type Clock, pauseFor } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { ConnectionFacts } from './address.ts';
import type { Dial, Row } from './driver.ts';
import { Line } from './line.ts';
import { inspect, migrate } from './migrate.ts';
import { type Queries, queriesOf } from './queries.ts';

/** Of a holder that lives, each (ms). */
const heartbeat = 1_000;
const graceOfSession = 3_000;
const lease = 15_000;
/** A holder that lives is heard of within this. */
const watch = 2_500;
/** What lies between two looks counts for no more (ms): the database, or this process, may have stood still. */
const mostOfLook = 500;
/** How often a start looks again whether the holder lives (ms). */
const lookEvery = 100;

export interface ConnectOptions {
  /** `write` takes the queue; `read` looks on, beside a server or without one. */
  readonly access: 'write' | 'read';
  readonly salt: () => string;
  readonly clock: Clock;
}

export interface Held {
  readonly epoch: number;
  /** Whether the holder before ended cleanly; null: there was none. */
  readonly clean: boolean | null;
  /** No more signs of life. */
  stop(): void;
}

export interface Connection {
  readonly facts: ConnectionFacts;
  readonly sql: Queries;
  /** For commits, and what must stand in order with them. */
  readonly line: Line;
  /** For all other questions. */
  readonly reader: Line;
  /** Null: opened for reading. */
  readonly held: Held | null;
}

/** @throws ERR_DATABASE, ERR_DATABASE_FOREIGN, ERR_DATABASE_IN_USE, ERR_DATABASE_VERSION */
export async function connect(dial: Dial, facts: ConnectionFacts, { access, salt, clock }: ConnectOptions): Promise<Connection> {
  const line = new Line(dial, facts, clock);
  const reader = new Line(dial, facts, clock);
  const sql = queriesOf(facts.schema);
  try {
    if (access === 'read') {
      if ((await line.run((driver) => inspect(driver, facts))) === 0)
        throw new MillraceError('ERR_DATABASE_FOREIGN', `${facts.place} is empty: no server has stored anything in it yet`);
      return { facts, sql, line, reader, held: null };
    }
    await line.transaction((driver) => migrate(driver, facts, salt));
    const { epoch, clean } = await take(line, sql, clock);
    return { facts, sql, line, reader, held: { epoch, clean, stop: beat(line, sql, clock, epoch) } };
  } catch (error) {
    await line.close();
    throw error;
  }
}

interface Look {
  readonly taken: { readonly epoch: number; readonly clean: boolean | null } | null;
  readonly seenAt: string;
}

/** Take the queue, as soon as its holder is known to be gone. */
async function take(line: Line, sql: Queries, clock: Clock): Promise<{ epoch: number; clean: boolean | null }> {
  let first: string | null = null;
  let watched = 0;
  let lookedAt = clock.now();
  for (;;) {
    const { taken, seenAt } = await line.transaction(async (driver): Promise<Look> => {
      const [row] = await driver.query(sql.look);
      const gone = isGone(row, watched);
      const seenAt = String(row?.seen_at);
      if (!gone) return { taken: null, seenAt };
      const [held] = await driver.query(sql.hold);
      return { taken: { epoch: Number(held?.epoch), clean: typeof row?.clean === 'boolean' ? row.clean : null }, seenAt };
    });
    if (taken !== null) return taken;
    first ??= seenAt;
    if (seenAt !== first)
      throw new MillraceError(
        'ERR_DATABASE_IN_USE',
        `${line.facts.place} is held by another server: submit through that one, or stop it first`,
      );
    await pauseFor(clock, lookEvery);
    watched += Math.min(mostOfLook, clock.now() - lookedAt);
    lookedAt = clock.now();
  }
}

/** `watched`: for so long (ms) nothing was heard of the holder, by the clock of this process. */
function isGone(row: Row | undefined, watched: number): boolean {
  if (row?.held !== true || watched > lease) return true;
  const silent = Number(row.silent);
  return (silent > lease && watched > watch) || (row.there !== true && Math.max(silent, watched) > graceOfSession);
}

/** Give signs of life until it is stopped; what fails is tried again the next time, on a new connection. */
function beat(line: Line, sql: Queries, clock: Clock, epoch: number): () => void {
  let stopped = false;
  let cancel = (): void => {};
  const next = (): void => {
    cancel = clock.after(heartbeat, once, { unref: true });
  };
  const once = (): void => {
    line
      .run((driver) => driver.query(sql.heartbeat, [epoch]))
      .catch(() => {})
      .then(() => {
        if (!stopped) next();
      });
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}
