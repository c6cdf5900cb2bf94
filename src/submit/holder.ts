/**
 * Where the server is that holds a database, as it left word beside the file. Anybody could have written there: what is broken, or not of
 * the shape that a server writes, is no word at all.
 */
import { parseAddress } from '../base/address.ts';
import type { SubmitTarget } from '../config/submit-options.ts';
import { readAnnouncement } from '../store/sqlite/lock.ts';

type Target<Kind extends SubmitTarget['kind']> = Extract<SubmitTarget, { kind: Kind }>;

const fingerprintShape = /^[0-9a-f]{64}$/;

/** Null: it left no word that can be read, or the key is missing. What the caller gave as `auth` and `tls` wins over the word. */
export function holderOf({ database, auth, tls }: Target<'database'>): Target<'server'> | null {
  const text = readAnnouncement(database);
  if (text === null) return null;
  try {
    const word: unknown = JSON.parse(text);
    if (typeof word !== 'object' || word === null) return null;
    const { address, key, fingerprint } = word as Readonly<Record<string, unknown>>;
    const found = auth ?? key;
    if (typeof found !== 'string') return null;
    const pinned = typeof fingerprint === 'string' && fingerprintShape.test(fingerprint) ? { fingerprint } : null;
    return { kind: 'server', address: parseAddress(address), auth: found, tls: tls ?? pinned };
  } catch {
    return null;
  }
}
