/**
 * Writes beside the commits: in a transaction that holds the queue, tried until the database answers. They must be such as may be made twice, since the answer
 * may be lost.
 */
import { MillraceError } from '../../base/errors.ts';
import type { Connection } from './connect.ts';
import type { Driver } from './driver.ts';

/** @throws ERR_DATABASE when it was opened for reading, ERR_DATABASE_IN_USE when another server has taken the queue over */
export async function fenced(connection: Connection, call: (driver: Driver, epoch: number) => Promise<unknown>): Promise<void> {
  const { line, sql, held, facts } = connection;
  if (held === null) throw new MillraceError('ERR_DATABASE', `${facts.place} was opened for reading only`);
  await line.persistTransaction(async (driver) => {
    const [state] = await driver.query(sql.fence, [held.epoch]);
    if (state === undefined) throw new MillraceError('ERR_DATABASE_IN_USE', `${facts.place} was taken over by another server`);
    await call(driver, held.epoch);
  });
}
