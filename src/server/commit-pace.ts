/**
 * How often a busy server commits: not before five times the fixed cost of the commits of late has passed, so that fsync takes at most a fifth of the
 * thread. What comes alone waits for nothing.
 */

/** Commits that wait for nothing after a pause: a call alone makes two (taken, ended), and without this its end waits for four times the first of them. */
const commitsAtOnce = 8;

export class CommitPace {
  /** By when the commits so far are a fifth of the time. It lags behind where there were few. */
  notBefore = 0;
  /** ms that a commit costs whatever is in it: the shortest of late. The rest of a long one is rows, which waiting would not save. */
  #fixed = 10;

  /** A commit took `ms` and ended `now`. */
  committed(ms: number, now: number): void {
    this.#fixed = Math.min(ms, this.#fixed * 1.05);
    const share = 5 * this.#fixed;
    // Commits that had rows enough did not wait: without a bound each of them put the next small one off by a share (after 1,000,000 lines 7 s, for one task).
    this.notBefore = Math.min(now + share - this.#fixed, Math.max(this.notBefore, now - commitsAtOnce * share) + share);
  }
}
