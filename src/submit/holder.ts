/**
 * Where the server is that holds a database, as it left word beside the file, or in the database. Anybody could have written there: what is broken, or not of
 * the shape that a server writes, is no word at all.
 */
import { parseAddress } from '../base/address.ts';
import { systemClock } from '../base/clock.ts';
import type { SubmitTarget } from '../config/submit-options.ts';
import { isPostgres } from '../store/open.ts';
import { readAnnouncement } from '../store/sqlite/lock.ts';

type Target<Kind extends SubmitTarget['kind']> = Extract<SubmitTarget, { kind: Kind }>;

const fingerprintShape = /^[0-9a-f]{64}$/;

/** Null: it left no word that can be read, or the key is missing. What the caller gave as `auth` and `tls` wins over the word. */
export async function holderOf(target: Target<'database'>): Promise<Target<'server'> | null> {
  if (!isPostgres(target.database)) return targetOf(target, readAnnouncement(target.database), false);
  // Without a key in the database it is in the folder of this user, for a server on this machine.
  return targetOf(target, await wordOf(target.database), true);
}

async function wordOf(database: string): Promise<string | null> {
  const { readHolder } = await import('../store/postgres/holder.ts');
  return readHolder(database, systemClock).then(
    ({ word }) => word,
    () => null,
  );
}

function targetOf({ auth, tls }: Target<'database'>, text: string | null, keyless: boolean): Target<'server'> | null {
  if (text === null) return null;
  try {
    const word: unknown = JSON.parse(text);
    if (typeof word !== 'object' || word === null) return null;
    const { address, key, fingerprint } = word as Readonly<Record<string, unknown>>;
    const found = auth ?? key ?? null;
    if (typeof found !== 'string' && !(keyless && found === null)) return null;
    const pinned = typeof fingerprint === 'string' && fingerprintShape.test(fingerprint) ? { fingerprint } : null;
    return { kind: 'server', address: parseAddress(address), auth: found, tls: tls ?? pinned };
  } catch {
    return null;
  }
}
