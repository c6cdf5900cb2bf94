/** dask.distributed with a graph of the same shape: in Python, its scheduler and its two workers in processes of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(new URL('./dask-graph.py', import.meta.url));

/** `shape`: layered, chain, fan-in or tree. The clock begins when its workers stand and the graph is made. */
export const dask = (shape) => ({
  needs: ['dask'],
  async run(tasks, clock) {
    const child = spawn('/usr/bin/python3', ['-B', path, shape, String(tasks)], { stdio: ['pipe', 'pipe', 'ignore'] });
    const closed = once(child, 'close');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const expect = async (word) => {
      const { value } = await lines.next();
      if (value !== word) throw new Error(`dask.distributed said '${value}' in place of '${word}'`);
    };
    await expect('ready');
    clock.begin();
    child.stdin.write('go\n');
    await expect('done');
    clock.end();
    await closed;
  },
});
