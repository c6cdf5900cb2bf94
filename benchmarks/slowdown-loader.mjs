/** Puts a call into the core of the server as its thread loads it: for `slowdown.mjs`. */
const program = '/dist/server/entry.js';
const place = /(var ServerCore = class \{[\s\S]*?\n\s*handle\(event, time\) \{)/;

export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (!url.endsWith(program)) return loaded;
  const source = String(loaded.source);
  if (!place.test(source)) throw new Error(`${url} has no core to be slowed down`);
  return { ...loaded, source: source.replace(place, '$1 globalThis.millraceSlowdown(event);') };
}
