/**
 * Names of remote objects.
 *
 * `remote_name.name` is a JSON string, `facts` the JSON list of the URI and the tags; `lease` and `renewed_at` are ms.
 */
import type { Migration } from './migration.ts';

export const names: Migration = {
  number: 3,
  breaking: false,
  sql: 'create table remote_name (name text primary key, facts text not null, lease integer, renewed_at real not null) strict;',
};
