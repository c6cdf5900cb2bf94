/** Ids of the objects that Pyro itself has. */

/** In every daemon. */
export const daemonObject = 'Pyro.Daemon';

/** In a name server. */
export const nameServerObject = 'Pyro.NameServer';
