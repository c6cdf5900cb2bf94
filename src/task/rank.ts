/** Where a task stands in its group. */

/**
 * The rank of a task: priority first; then new tasks before retried ones, the other way round when `eager`. Lower runs first.
 * A task that was only lost or given back ranks as new: its low number puts it in front.
 */
export function rankOf(priority: number, retried: boolean, eager: boolean): number {
  // In this order: of no priority at all the other way makes -0, which V8 keeps as an object, and after which it compiles anew what a stored rank comes to.
  return (retried ? (eager ? 0 : 2) : 1) - priority * 4;
}
