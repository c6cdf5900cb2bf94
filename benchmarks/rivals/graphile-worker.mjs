/**
 * graphile-worker: jobs that do nothing, added by the thousand while workers of this process take them; with the local queue and the batches
 * of completions that its own measurements use, and 24 at once: its quickest form here.
 */
const bundle = 1_000;

export const graphileWorker = {
  needs: ['graphile-worker', 'postgres'],
  service: 'postgres',
  async run(tasks, clock, { url }) {
    const { Logger, makeWorkerUtils, run } = await import('graphile-worker');
    const { default: pg } = await import('pg');
    const client = new pg.Client(url);
    await client.connect();
    await client.query('drop schema if exists graphile_worker cascade');
    const logger = new Logger(() => () => {});
    const preset = { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0, localQueue: { size: 500 }, maxPoolSize: 10 } };
    const utils = await makeWorkerUtils({ connectionString: url, logger, preset });
    await utils.migrate();
    let done = 0;
    let finish;
    const all = new Promise((resolve) => {
      finish = resolve;
    });
    const nothing = () => {
      if (++done === tasks + 1) finish();
    };
    const runner = await run({ connectionString: url, concurrency: 24, taskList: { nothing }, logger, noHandleSignals: true, preset });
    await utils.addJob('nothing', {});
    while (done < 1) await new Promise((resolve) => setTimeout(resolve, 1));
    clock.begin();
    for (let from = 0; from < tasks; from += bundle) {
      await utils.addJobs(
        Array.from({ length: Math.min(bundle, tasks - from) }, (_, i) => ({ identifier: 'nothing', payload: { i: from + i } })),
      );
    }
    await all;
    // Its completions are recorded then.
    await runner.stop();
    clock.end();
    const { rows } = await client.query('select count(*)::int as left from graphile_worker._private_jobs');
    if (rows[0].left !== 0) throw new Error(`${rows[0].left} jobs are left`);
    await Promise.all([utils.release(), client.end()]);
  },
};
