/** Rules of a simulated system that can be broken on purpose, to see that the simulation notices: without any of them what is promised does not hold. */

/**
 * Results count for whoever has the task now · what a turn says leaves before its transaction · grants are not stored · what is said on one connection goes
 * out on the next one of the same client · what is recalled is ready again at once.
 */
export const mutations = ['no-fence', 'sends-before-commit', 'grants-not-persisted', 'outputs-not-bound', 'one-phase-recall'] as const;
export type Mutation = (typeof mutations)[number];
