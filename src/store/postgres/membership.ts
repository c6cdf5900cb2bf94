/** A server that follows says so in the database, each second, so that the one that leads knows whether somebody would take over. */
import type { Clock } from '../../base/clock.ts';
import { parsePostgresAddress } from './address.ts';
import { loadDial } from './driver.ts';
import { Line } from './line.ts';
import { queriesOf } from './queries.ts';

/** ms. */
const heartbeat = 1_000;

export interface Membership {
  /** It follows no longer. */
  close(): Promise<void>;
}

/** @param address Where it listens, for people. @throws ERR_DATABASE */
export async function follow(database: string, id: string, address: string, clock: Clock): Promise<Membership> {
  const facts = parsePostgresAddress(database);
  const sql = queriesOf(facts.schema);
  const line = new Line(await loadDial(), facts, clock);
  const tell = (): Promise<unknown> => line.run((driver) => driver.query(sql.follow, [id, address]));
  let cancel = (): void => {};
  let closed = false;
  const again = (): void => {
    if (closed) return;
    cancel = clock.after(
      heartbeat,
      () =>
        void tell()
          .catch(() => {})
          .then(again),
      { unref: true },
    );
  };
  await tell();
  again();
  return {
    async close() {
      closed = true;
      cancel();
      await line.run((driver) => driver.query(sql.unfollow, [id])).catch(() => {});
      await line.close();
    },
  };
}
