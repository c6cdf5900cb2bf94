/** What of the queue on PostgreSQL is no race: the way from one server to the client of another, and claims in a long queue. */
import { ClientThread, connect, ServerThread } from '../dist/index.js';
import { emptyWrites } from '../dist/store/empty-writes.js';
import { openStore } from '../dist/store/open.js';
import { module } from './contestants.mjs';
import { median, quantile, quick, round } from './harness.mjs';
import { services } from './services.mjs';

const monotonicNow = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;

/** Submitted at one server, started by the only client, which is at another: by the clock of the function, which is that of the machine. */
export async function crossing() {
  const postgres = await services['postgres of packages']();
  const database = `${postgres.address.url}?schema=crossing`;
  const open = [];
  try {
    const servers = [];
    for (let i = 0; i < 3; i++) {
      servers.push(await ServerThread.new({ database, address: 'localhost:0', foreverMode: true }));
      open.push(servers[i]);
    }
    open.push(await ClientThread.new({ address: servers[1].address, numTasks: 2 }));
    const rows = [];
    for (const [from, server] of [
      ['the server that leads', servers[0]],
      ['a server that follows', servers[2]],
    ]) {
      const connection = await connect(server.address);
      const started = [];
      const back = [];
      for (let i = 0; i < (quick ? 40 : 220); i++) {
        const begun = monotonicNow();
        const { value } = await connection.run({ module, name: 'now', args: [] });
        back.push(monotonicNow() - begun);
        started.push(Number(BigInt(value) / 1_000n) / 1_000 - begun);
      }
      await connection.close();
      const counted = started.slice(20);
      rows.push({
        case: 'from server to server',
        from,
        to: 'the client of another',
        'start, median ms': round(median(counted)),
        'p99 ms': round(quantile(counted, 0.99)),
        'result, median ms': round(median(back.slice(20))),
      });
    }
    const value = Math.max(...rows.map((row) => row['start, median ms']));
    return {
      rows,
      bars: [
        { what: 'from the submission at one server to the start at another, median ms', case: 'from server to server', value, most: 20 },
      ],
    };
  } finally {
    for (const part of open.reverse()) await part.stop();
    await postgres.stop();
  }
}

const page = 1_000;

/** Read a page of the queue, grant it and record its ends, behind so many that wait; another page is added for it, which is not counted. */
export async function claims() {
  const postgres = await services['postgres of packages']();
  const rows = [];
  try {
    const store = await openStore(`${postgres.address.url}?schema=claims`);
    await store.recover();
    let n = 0;
    const add = (count) => store.commit({ ...emptyWrites(), tasks: Array.from({ length: count }, () => queuedTask(++n)) });
    let grant = 0;
    for (const queued of quick ? [10_000, 100_000] : [10_000, 1_000_000]) {
      while (n - grant * page < queued) await add(5_000);
      const times = { read: [], grant: [], record: [] };
      for (let i = 0; i < 60; i++) {
        const id = ++grant;
        const begun = performance.now();
        const found = (await store.ready(null, page)).map((task) => task.n);
        const read = performance.now();
        await store.commit({ ...emptyWrites(), grants: [{ id, client: 1, attempt: 1, tasks: [found[0], found.at(-1)] }] });
        const granted = performance.now();
        await store.commit({ ...emptyWrites(), grants: [{ id, client: 1, attempt: 1, tasks: [] }], ends: found.map(endOf) });
        times.record.push(performance.now() - granted);
        times.grant.push(granted - read);
        times.read.push(read - begun);
        await add(page);
      }
      const of = (list) => round(median(list));
      const row = { 'read ms': of(times.read), 'grant ms': of(times.grant), 'record ms': of(times.record) };
      rows.push({ case: 'claims', queued, 'tasks a claim': page, ...row });
    }
    await store.close();
  } finally {
    await postgres.stop();
  }
  const cost = (row) => row['read ms'] + row['grant ms'] + row['record ms'];
  return {
    rows,
    bars: [
      {
        what: 'a claim in the longest queue on PostgreSQL against the shortest',
        case: 'claims',
        value: cost(rows[1]) / cost(rows[0]),
        most: 1.3,
      },
    ],
  };
}

function queuedTask(n) {
  const task = [1, `${module}#nothing`, '[1]', null];
  return { group: 0, rank: 0, n, submittedAt: Date.now(), lane: null, task, state: 1, attempts: 0, losses: 0, readyAt: null };
}

function endOf(n) {
  const now = Date.now();
  return {
    n,
    attempt: 1,
    outcome: 1,
    exitStatus: 0,
    client: 1,
    slot: 0,
    startedAt: now,
    durationMs: 1,
    completedAt: now,
    waitedMs: 1,
    extra: null,
  };
}
