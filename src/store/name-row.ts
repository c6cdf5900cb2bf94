/** A name of a remote object as the columns of a database hold it: what users wrote is JSON text, as everywhere in it. */
import type { StoredName } from './names.ts';

export interface NameRow {
  readonly name?: unknown;
  readonly facts?: unknown;
  readonly lease?: unknown;
  readonly renewed_at?: unknown;
}

export function nameOf({ name, facts, lease, renewed_at: renewedAt }: NameRow): StoredName {
  const [uri, metadata] = JSON.parse(String(facts)) as [string, string[]];
  return {
    name: JSON.parse(String(name)) as string,
    uri,
    metadata,
    lease: lease === null ? null : Number(lease),
    renewedAt: Number(renewedAt),
  };
}

/** The column that `nameOf` takes apart. */
export function factsOf({ uri, metadata }: StoredName): string {
  return JSON.stringify([uri, metadata]);
}
