/** The statements on names of remote objects. */

/** Params: name (JSON text). */
export const getName: string = 'select name, facts, lease, renewed_at from remote_name where name = ?';

export const allNames: string = 'select name, facts, lease, renewed_at from remote_name';

/** Params: list of [name, facts, lease, renewed_at]. */
export const putNames: string = `
  insert or replace into remote_name (name, facts, lease, renewed_at)
  select value->>0, value->>1, value->>2, value->>3 from json_each(?)`;

/** Params: list of names. */
export const deleteNames: string = 'delete from remote_name where name in (select value from json_each(?))';
