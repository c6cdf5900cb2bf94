/** Options of a server where no lease may end: a machine that does other things too may let a part stand still for seconds. */
export const steady = { evictAfter: 10, reconnectGrace: 5 };
