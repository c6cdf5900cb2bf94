/** Where the server is that holds a queue, as it left word in the database. */
import type { Clock } from '../../base/clock.ts';
import { parsePostgresAddress } from './address.ts';
import { loadDial } from './driver.ts';
import { Line } from './line.ts';
import { queriesOf } from './queries.ts';

/** Null: nobody holds it, or left no word. @throws ERR_DATABASE */
export async function readHolder(database: string, clock: Clock): Promise<string | null> {
  const facts = parsePostgresAddress(database);
  const line = new Line(await loadDial(), facts, clock);
  try {
    const [row] = await line.run((driver) => driver.query(queriesOf(facts.schema).holder));
    return typeof row?.announcement === 'string' ? row.announcement : null;
  } finally {
    await line.close();
  }
}
