/** Where an object is that goes by a name or by tags: Pyro's name server is asked. */
import { MillraceError } from '../../base/errors.ts';
import type { Caller } from '../caller.ts';
import { URI } from '../uri.ts';
import { textOf } from './core/text.ts';

/** `names`: the name server. `lot`: 0 ≤ x < 1, which of those with all tags. Rejects with ERR_NAME, ERR_URI, and what the way to the name server can. */
export async function lookUp({ protocol, object, tags }: URI, names: Caller, lot: number): Promise<URI> {
  if (protocol === 'PYRONAME') return placeOf(await names.call('lookup', [object]), object);
  const found = Object.values((await names.call('list', [null, null, tags])) as object);
  if (found.length === 0) throw new MillraceError('ERR_NAME', `no object has the tags ${tags.join(', ')}`);
  return placeOf(found[Math.floor(lot * found.length)], object);
}

function placeOf(found: unknown, name: string): URI {
  const place = found instanceof URI || typeof found === 'string' ? new URI(found) : null;
  if (place?.protocol === 'PYRO') return place;
  throw new MillraceError('ERR_URI', `the name '${name}' stands for ${place?.toString() ?? textOf(found)}, which is no place`);
}
