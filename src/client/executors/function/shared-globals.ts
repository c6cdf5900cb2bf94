/**
 * What all functions of a thread share, and the library with them. A call that replaces some of it would break the calls after it, so its
 * thread ends with it. Additions (polyfills) and what a module does when it is loaded are its own business.
 */

/** What is missed most when it is gone; one by one, since a loop over names takes ten times as long. */
function now(): readonly unknown[] {
  const array = Array.prototype;
  const { then } = Promise.prototype;
  return [JSON.parse, JSON.stringify, array.push, array.map, array.filter, array.slice, then, Map.prototype.get, Map.prototype.set, Buffer];
}

let known = now();

/** What is there now is as it should be. */
export function acceptGlobals(): void {
  known = now();
}

/** Whether something of it was replaced since, or every object has a new property. */
export function areGlobalsChanged(): boolean {
  const array = Array.prototype;
  if (JSON.parse !== known[0] || JSON.stringify !== known[1] || array.push !== known[2] || array.map !== known[3]) return true;
  if (array.filter !== known[4] || array.slice !== known[5] || Promise.prototype.then !== known[6]) return true;
  if (Map.prototype.get !== known[7] || Map.prototype.set !== known[8] || Buffer !== known[9]) return true;
  for (const _ in emptyObject) return true;
  return false;
}

const emptyObject = {};
