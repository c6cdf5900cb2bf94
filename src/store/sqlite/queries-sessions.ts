/** The statements on persistent sessions. */

export const allSessions: string = 'select n, facts from graph_session order by n';

/** Params: n, facts. */
export const putSession: string = 'insert or replace into graph_session (n, facts) values (?, ?)';

/** Params: session, body. */
export const putEntry: string = 'insert into graph_entry (session, body) values (?, ?)';

/** The next entries of a history. Params: session, number of the last one, how many. */
export const someEntries: string = 'select number, body from graph_entry where session = ? and number > ? order by number limit ?';

/** Params: n. */
export const deleteSession: string = 'delete from graph_session where n = ?';

/** Params: session. */
export const deleteEntries: string = 'delete from graph_entry where session = ?';
