/** Whether somebody traces in this thread: `@opentelemetry/api` notes here what is registered with any copy of it. One look, and nothing is loaded. */
const registered = Symbol.for('opentelemetry.js.api.1');

export function isTraced(): boolean {
  return registered in globalThis;
}
