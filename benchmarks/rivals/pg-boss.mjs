/** pg-boss: jobs that do nothing, inserted by the thousand while two loops fetch and complete them by the thousand: its quickest form here. */
const bundle = 1_000;

export const pgBoss = {
  needs: ['pg-boss', 'postgres'],
  service: 'postgres',
  async run(tasks, clock, { url }) {
    const { default: PgBoss } = await import('pg-boss');
    const { default: pg } = await import('pg');
    const client = new pg.Client(url);
    await client.connect();
    await client.query('drop schema if exists pgboss cascade');
    const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false, max: 10 });
    boss.on('error', (error) => {
      throw error;
    });
    await boss.start();
    await boss.createQueue('bench');
    let done = 0;
    const work = async () => {
      while (done < tasks) {
        const jobs = await boss.fetch('bench', { batchSize: bundle });
        if (jobs.length === 0) continue;
        await boss.complete(
          'bench',
          jobs.map(({ id }) => id),
        );
        done += jobs.length;
      }
    };
    clock.begin();
    const workers = [work(), work()];
    for (let from = 0; from < tasks; from += bundle) {
      await boss.insert(Array.from({ length: Math.min(bundle, tasks - from) }, (_, i) => ({ name: 'bench', data: { i: from + i } })));
    }
    await Promise.all(workers);
    clock.end();
    const { rows } = await client.query("select count(*)::int as completed from pgboss.job where state = 'completed'");
    if (rows[0].completed !== tasks) throw new Error(`${rows[0].completed} of ${tasks} jobs were completed`);
    await boss.stop({ graceful: false });
    await client.end();
  },
};
