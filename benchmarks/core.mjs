/**
 * What does the server's core cost per task? Submission, grant and result of 1,000,000 tasks by bundles of 100 and 1,000, and with 10,000 and
 * 1,000,000 tasks waiting behind the window. No store, no network: decisions only. Run after `npm run build`.
 */
import { ServerCore } from '../dist/server/core/core.js';
import { plainServer } from '../dist/testing/plain-options.js';
import { show } from './harness.mjs';

const total = Number(process.env.TASKS ?? 1_000_000);

const options = {
  ...plainServer,
  foreverMode: false,
  window: { tasks: 10_000, bytes: 32 * 2 ** 20 },
  bundle: { tasks: 1_000, bytes: 2 ** 20 },
};

const recovery = (epoch) => ({
  epoch,
  salt: '000000000',
  nextTask: 1,
  nextClient: 1,
  counts: { submitted: 0, outcomes: [0, 0, 0, 0, 0, 0, 0], retried: 0, groups: {} },
  ready: 0,
  waiting: [],
  grants: [],
  clients: [],
  submitters: [],
});

/** Ready tasks that only the store knows: numbers, as a store packs them, else the garbage collector's work on rows is measured. */
class Backlog {
  numbers = new Int32Array(total + 10_000);
  head = 0;
  tail = 0;
  like = null;
  add(row) {
    this.like ??= row;
    this.numbers[this.tail++] = row.n;
  }
  take(limit) {
    const rows = [];
    const { submittedAt, task, state, group, rank } = this.like ?? {};
    while (rows.length < limit && this.head < this.tail)
      rows.push({ n: this.numbers[this.head++], submittedAt, task, state, group, rank, attempts: 0, losses: 0, readyAt: null });
    return rows;
  }
}

/** `bundle` tasks a submission, `ahead` tasks waiting before the first is granted. */
function run(bundle, ahead) {
  const time = { now: 0, wall: 1_700_000_000_000 };
  const core = new ServerCore(options, recovery(1), time);
  const capacity = { slots: 8, cores: null, memory: null, resources: {}, tags: {} };
  const clients = ['a', 'b', 'c', 'd'];
  for (const id of clients) {
    core.handle({ type: 'client-connected', connection: id, id, host: 'host', capacity }, time);
    core.handle({ type: 'resume', connection: id, held: [] }, time);
  }
  const sequences = Object.fromEntries(clients.map((id) => [id, 0]));
  let wants = 0;
  const backlog = new Backlog();
  const tasks = Array.from({ length: bundle }, (_, i) => [0, `echo ${i}`, null, null]);
  let sequence = 0;
  let done = 0;
  let writes = 0;
  let inCore = 0;
  // The shell's part, outside of the measurement: which tasks went to the store only.
  const turn = () => {
    time.now += 1;
    time.wall += 1;
    let began = performance.now();
    const result = core.endTurn(time);
    inCore += performance.now() - began;
    if (result.writes !== null) {
      writes += result.writes.tasks.length + result.writes.ends.length;
      for (const row of result.writes.tasks) if (core.task(row.n) === null) backlog.add(row);
    }
    const work = result.sends.filter(({ message }) => message[0] === 'work');
    for (const question of result.refills) {
      const rows = backlog.take(question.limit);
      began = performance.now();
      core.handle({ type: 'refilled', question, rows }, time);
      inCore += performance.now() - began;
    }
    return work;
  };
  const feed = (event) => {
    const began = performance.now();
    core.handle(event, time);
    inCore += performance.now() - began;
  };
  const submit = () => {
    feed({ type: 'submit', connection: 's', submitter: 's', sequence: ++sequence, tasks, known: null });
  };
  while (sequence * bundle < ahead) {
    submit();
    turn();
  }
  while (done < total) {
    if (sequence * bundle < total) submit();
    for (const connection of clients) feed({ type: 'want', connection, sequence: ++wants, tasks: done + bundle * 4, free: 0 });
    let given = turn();
    while (given.length > 0) {
      for (const { connection, message } of given) {
        const [, grant, , granted] = message;
        const results = granted.map(([n]) => [n, 1, 0, 1_700_000_000_000, 1.5, 0, null]);
        feed({ type: 'results', connection, sequence: ++sequences[connection], bundles: [[grant, results]] });
        done += granted.length;
      }
      given = turn();
    }
  }
  return { bundle, ahead, microsecondsPerTask: Number(((inCore * 1_000) / total).toFixed(3)), writes };
}

run(100, 0);
const rows = [];
for (const [bundle, ahead] of [
  [100, 0],
  [1_000, 0],
  [100, 10_000],
  [100, total],
  [1_000, total],
]) {
  rows.push({ tasks: total, ...run(bundle, ahead) });
}
show('core', rows);
