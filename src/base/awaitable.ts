/** Values that may be there at once or come later: stores in this process answer synchronously, and no promise is made for them. */
export type Awaitable<T> = T | Promise<T>;

/** Go on with the value: in this very call when it is there. */
export function then<T, R>(value: Awaitable<T>, next: (value: T) => R): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
