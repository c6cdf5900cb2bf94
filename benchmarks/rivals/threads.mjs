/** Pools of threads, which record nothing: calls of a function that does nothing, all asked for at once. */
import { fileURLToPath } from 'node:url';
import { module } from '../contestants.mjs';

export const piscina = {
  async run(tasks, clock) {
    const { Piscina } = await import('piscina');
    const pool = new Piscina({ filename: fileURLToPath(module), minThreads: 2, maxThreads: 2 });
    await Promise.all([pool.run(0, { name: 'nothing' }), pool.run(1, { name: 'nothing' })]);
    clock.begin();
    await Promise.all(Array.from({ length: tasks }, (_, i) => pool.run(i, { name: 'nothing' })));
    clock.end();
    await pool.destroy();
  },
};

export const workerpool = {
  needs: ['workerpool'],
  async run(tasks, clock) {
    const { default: library } = await import('workerpool');
    const file = fileURLToPath(new URL('./workerpool-worker.mjs', import.meta.url));
    const pool = library.pool(file, { minWorkers: 2, maxWorkers: 2, workerType: 'thread', maxQueueSize: Number.POSITIVE_INFINITY });
    await Promise.all([pool.exec('nothing', [0]), pool.exec('nothing', [1])]);
    clock.begin();
    await Promise.all(Array.from({ length: tasks }, (_, i) => pool.exec('nothing', [i])));
    clock.end();
    await pool.terminate();
  },
};
