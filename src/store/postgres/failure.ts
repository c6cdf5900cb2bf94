/**
 * What PostgreSQL, or the way to it, says went wrong, as errors that say what to do, and whether trying again can help. A database that restarts, fails
 * over, is full or out of connections passes; a wrong password, a missing right or a damaged page does not.
 */
import { MillraceError, reasonOf } from '../../base/errors.ts';

/** Classes (the first two characters of SQLSTATE) and codes that pass by themselves or by what an administrator does. */
const passing: ReadonlySet<string> = new Set([
  '08', // connection exceptions
  '25006', // read only: a standby that is being promoted
  '40', // deadlock, serialization
  '53', // out of space, memory, connections
  '55P03', // a lock was not free
  '57', // shut down, crash, cannot connect now, cancelled
  'MR002', // the commit before it failed
  '58', // errors of the system, input and output
]);

const advice: ReadonlyMap<string, string> = new Map([
  ['28P01', 'the password is not right'],
  ['28000', 'this user may not connect: see pg_hba.conf'],
  ['3D000', 'there is no such database: create it first'],
  ['42501', 'this user has no right to do that: see the page on PostgreSQL for the rights that are needed'],
  ['53100', 'the disk is full: free some space; what was not committed may be committed again'],
  ['53300', 'it has no connection left: raise max_connections, or put a pooler before it'],
]);

/** Codes of the network, and of names that cannot be resolved at the moment. */
const network: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
]);

/** An error of the database itself has a code of five characters; what has none came from the way to it. */
function stateOf(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** The connection is of no use any more: it is gone, or nobody knows in what state it is. */
export function breaksConnection(error: unknown): boolean {
  const state = stateOf(error);
  return state === null || state.startsWith('08') || state.startsWith('57P') || state.startsWith('58') || state.startsWith('XX');
}

/** `details.sqlstate`: PostgreSQL's code, where it is an error of its own. `details.lasting`: trying again cannot help. */
export function databaseError(place: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  const state = stateOf(error);
  if (state === 'MR001')
    return new MillraceError(
      'ERR_DATABASE_IN_USE',
      `${place} was taken over by another server, since this one gave no sign of life for too long. This one ends`,
      { details: { lasting: true, sqlstate: state } },
    );
  if (state === null) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // Certificates are refused with many codes; whoever closes the connection gives none.
    const lasting = code !== '' && !network.has(code);
    return new MillraceError('ERR_DATABASE', `${place}: ${reasonOf(error)}`, { cause: error, details: { lasting } });
  }
  const lasting = !passing.has(state) && !passing.has(state.slice(0, 2));
  return new MillraceError('ERR_DATABASE', `${place}: ${advice.get(state) ?? reasonOf(error)} (${state})`, {
    cause: error,
    details: { sqlstate: state, lasting },
  });
}
