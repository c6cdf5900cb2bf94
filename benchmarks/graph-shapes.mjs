/** Graphs of many tiny tasks for the benchmark of graphs, each with a last task whose output says that all of it is done. */
import { remote, tasks } from '../dist/session/index.js';

/** What tiny tasks do: join what they get, of which there is nothing. They run where their client's connection is, without a thread of their own. */
const join = (...parts) => tasks.concat(parts).output;

/** The last of layers of 1,000, so many tasks in all: `make` is given the layer before, null for the first, and the task's place. */
function lastLayer(count, make) {
  let above = null;
  let layer = [];
  for (let i = 0; i < count; i++) {
    if (layer.length === 1_000) {
      above = layer;
      layer = [];
    }
    layer.push(make(above, i));
  }
  return layer;
}

/** Layers of 1,000, each task with two of the layer before, chosen by a seed. */
export function layered(count) {
  let seed = 7;
  const chance = (below) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  return join(...lastLayer(count, (above) => (above === null ? join() : join(above[chance(1_000)], above[chance(1_000)]))));
}

export function chain(count) {
  let last = join();
  for (let i = 1; i < count; i++) last = join(last);
  return last;
}

export function fanIn(count) {
  return join(...Array.from({ length: count }, () => join()));
}

/** `count`: of all tasks, leaves included; a power of two less one. */
export function tree(count) {
  let level = Array.from({ length: (count + 1) / 2 }, () => join());
  while (level.length > 1) level = Array.from({ length: level.length / 2 }, (_, i) => join(level[2 * i], level[2 * i + 1]));
  return level[0];
}

/** The same layers with functions, each called in a thread of its client. */
export function layeredFunctions(count) {
  const call = remote(() => '');
  return join(...lastLayer(count, (above, i) => (above === null ? call() : call(above[i % 1_000], above[(i * 7) % 1_000])).output));
}
