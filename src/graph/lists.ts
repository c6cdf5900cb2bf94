/**
 * Short lists that live as long as what they are of, such as who holds an object. They are not made as literals: V8 learns of those that they live long and puts
 * those of the next moment among what is seldom cleared away, where each keeps the tasks of its moment: the server's heap went to 90 MB instead of 54.
 */

/** Shared by all that have none: a list of its own that grows takes more than an object itself. Nothing is ever put into it. */
export const none: readonly never[] = [];

export function listOf<T>(item: T): T[] {
  return Array.of(item);
}

export function withItem<T>(list: readonly T[], item: T): readonly T[] {
  return list.length === 0 ? listOf(item) : list.concat(item);
}

export function withoutItem<T>(list: readonly T[], item: T): readonly T[] {
  return list.length === 1 && list[0] === item ? none : list.filter((other) => other !== item);
}
