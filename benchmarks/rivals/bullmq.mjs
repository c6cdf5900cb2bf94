/** BullMQ: jobs that do nothing, added by the thousand while one worker of this process takes them, 100 at once: its quickest form here. */
import { once } from 'node:events';

const bundle = 1_000;

/** A queue and a worker on it, both connected. */
export async function openQueue({ host, port }, handler, concurrency) {
  const { Queue, Worker } = await import('bullmq');
  const connection = { host, port, maxRetriesPerRequest: null };
  const queue = new Queue('bench', { connection });
  await queue.waitUntilReady();
  await queue.obliterate({ force: true });
  const worker = new Worker('bench', handler, { connection, concurrency });
  await worker.waitUntilReady();
  const close = async () => {
    await worker.close();
    await queue.close();
  };
  return { queue, worker, close };
}

export const bullmq = (service) => ({
  needs: ['bullmq', 'redis'],
  service,
  async run(tasks, clock, address) {
    const { queue, worker, close } = await openQueue(address, async () => {}, 100);
    let done = 0;
    const all = new Promise((resolve) => {
      worker.on('completed', () => {
        if (++done === tasks + 1) resolve();
      });
    });
    await Promise.all([queue.add('nothing', {}), once(worker, 'completed')]);
    clock.begin();
    for (let from = 0; from < tasks; from += bundle) {
      const jobs = Array.from({ length: Math.min(bundle, tasks - from) }, (_, i) => ({ name: 'nothing', data: { i: from + i } }));
      await queue.addBulk(jobs);
    }
    await all;
    clock.end();
    await close();
  },
});
