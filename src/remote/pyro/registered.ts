/** Objects that a `PyroDaemon` has: as arguments and results they go as proxies to themselves. */

/** `[uri, oneway, methods, attributes, timeout, key, handshake, retries, serializer]`, without the key: whoever gets it must have that already. */
type State = () => readonly unknown[];

const registered: WeakMap<object, State> = new WeakMap();

/** How an object goes as a proxy; undefined: it does not. */
export function stateOf(object: object): State | undefined {
  return registered.get(object);
}

/** Null: no longer. */
export function setState(object: object, state: State | null): void {
  if (state === null) registered.delete(object);
  else registered.set(object, state);
}
