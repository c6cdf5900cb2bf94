/**
 * Names of remote objects. `name`: a JSON string, which may be longer than an index entry: it is found by its hash, and whoever writes holds the queue, so
 * that there is one row of a name. `facts`: [uri, metadata]. Older versions do not look at it.
 */
import type { Migration } from './migration.ts';

export const names: Migration = {
  number: 3,
  breaking: false,
  sql: (schema) => `
    create table ${schema}.name (name text not null, facts text not null, lease double precision, renewed_at double precision not null);
    create index name_of on ${schema}.name using hash (name);
  `,
};
