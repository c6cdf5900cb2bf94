/** Where the server is that holds a queue, as it left word in the database. */
import type { Clock } from '../../base/clock.ts';
import type { StoreCounts } from '../store.ts';
import { parsePostgresAddress } from './address.ts';
import { loadDial } from './driver.ts';
import { Line } from './line.ts';
import { queriesOf } from './queries.ts';

export interface QueueHolder {
  /** Null: nobody holds the queue, or left no word. */
  readonly word: string | null;
  readonly counts: StoreCounts;
}

/** @throws ERR_DATABASE */
export async function readHolder(database: string, clock: Clock): Promise<QueueHolder> {
  const facts = parsePostgresAddress(database);
  const line = new Line(await loadDial(), facts, clock);
  try {
    const [row] = await line.run((driver) => driver.query(queriesOf(facts.schema).holder));
    return {
      word: typeof row?.announcement === 'string' ? row.announcement : null,
      counts: JSON.parse(String(row?.counts)) as StoreCounts,
    };
  } finally {
    await line.close();
  }
}
