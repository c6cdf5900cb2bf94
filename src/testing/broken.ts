/** The promises that a simulation checks, and what is thrown when one is broken. */

/** Each with the number that it has in the list of what is promised; those without a number are what the others stand on. */
export const promises = {
  accepted: '1: nothing accepted is lost',
  once: '2: a result is recorded exactly once, and is what the client saw that held the lease',
  needless: '2, 4: a task runs again only after its lease ended, never because of a server alone',
  eviction: '3: eviction is by the silence that the server heard, by its own monotonic clock',
  losses: '3: a loss is no retry, a task that was lost maxLosses times ends, and before that it runs alone',
  locked: '4: a second start takes nothing from a server that lives',
  shutdown: '5: everybody sees the end',
  summary: '7: the summary adds up',
  cancel: '8: cancel means cancel',
  prompt: '9: a ready task and an idle client do not stay apart',
  memory: '10: what is held in memory is bounded',
  leases: 'the stored rows of grants name whoever is leased, and nobody else',
  order: 'groups, dependencies, limits and budgets are kept',
} as const;
export type PromiseName = keyof typeof promises;

/** A promise was broken; the message says which and how. */
export class BrokenPromise extends Error {
  readonly promise: PromiseName;

  constructor(promise: PromiseName, how: string) {
    super(`${how} (promise ${promises[promise]})`);
    this.name = 'BrokenPromise';
    this.promise = promise;
  }
}

export function broken(promise: PromiseName, how: string): BrokenPromise {
  return new BrokenPromise(promise, how);
}
