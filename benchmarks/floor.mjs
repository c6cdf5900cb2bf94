/**
 * What is the least that a program of this shape can take on this machine? Each missed bar in its physical parts, without our code: a commit, a hop
 * between threads, the rows in SQLite, the calls in their threads, the fork of a shell; beside our own figure, in turns, in one run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import { chosen, processorTime } from './compare.mjs';
import { commandsOverTcp, functionsLocally, functionsOverTcp, module } from './contestants.mjs';
import { openTable, recordAll } from './floor-store.mjs';
import { argument, median, packageVersions, programVersion, quantile, quick, round, show } from './harness.mjs';

/** What else runs on the machine makes all rows slower alike: they are compared with one another. */
const busy = `load average at the start ${loadavg()[0].toFixed(1)}`;
const rounds = quick ? 1 : 3;
const folder = mkdtempSync(join(tmpdir(), 'millrace-floor-'));
const file = fileURLToPath(import.meta.url);
const now = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;

function thread(role, data = {}, transferList = []) {
  return new Worker(new URL('./floor-threads.mjs', import.meta.url), { workerData: { role, ...data }, transferList });
}
const word = async (worker) => (await once(worker, 'message'))[0];

// ---- from a submission to its start -----------------------------------------------------------------------------------

const idleCase = 'idle latency, ms';

/** A step that is asked for alone, as an idle task would; it gives the ms that it took. */
async function idleSteps(open) {
  const told = async (worker, send) => {
    const arrived = word(worker);
    const from = now();
    send();
    return (await arrived) - from;
  };
  const started = (...workers) => open.push(...workers.map((worker) => () => worker.terminate()));
  const socketTo = async (port) => {
    const socket = dial({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    open.push(() => socket.destroy());
    return socket;
  };
  const passedTo = async (worker) => {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ port: port2 }, [port2]);
    return port1;
  };

  const commit = openTable(mkdtempSync(join(folder, 'commit-')));
  const [hop, receiver, last] = [thread('port'), thread('receiver'), thread('port')];
  const port = await passedTo(hop);
  open.push(() => port.close());
  const direct = await socketTo(await word(receiver));
  const recorder = thread('recorder', { folder: mkdtempSync(join(folder, 'chain-')) });
  const address = await word(recorder);
  const next = await passedTo(last);
  const client = thread('client', { port: address, next }, [next]);
  await word(client);
  const submitter = await socketTo(address);
  started(hop, receiver, last, recorder, client);

  const { ClientThread, connect, ServerThread } = await import('../dist/index.js');
  const server = await ServerThread.new({ address: 'localhost:0', database: join(folder, 'idle.db'), foreverMode: true });
  const worker = await ClientThread.new({ address: server.address, numTasks: 2 });
  const connection = await connect(server.address);
  open.push(
    () => connection.close(),
    () => worker.stop(),
    () => server.stop(),
  );
  return {
    'floor: a commit of one row': async () => {
      const from = now();
      commit();
      return now() - from;
    },
    'floor: a message to another thread': () => told(hop, () => port.postMessage('run')),
    'floor: loopback TCP to another thread': () => told(receiver, () => direct.write('run')),
    'floor: TCP, commit, TCP, message': () => told(last, () => submitter.write('run')),
    'millrace, function': async () => {
      const from = now();
      const { value } = await connection.run({ module, name: 'now', args: [] });
      return Number(BigInt(value) / 1_000n) / 1_000 - from;
    },
  };
}

async function idle() {
  const open = [];
  try {
    const steps = Object.entries(await idleSteps(open));
    const times = new Map(steps.map(([what]) => [what, []]));
    const [count, warmUp] = quick ? [60, 20] : [500, 100];
    for (let i = -warmUp; i < count; i++)
      for (const [what, step] of steps) {
        const ms = await step();
        if (i >= 0) times.get(what).push(ms);
        await sleep(4);
      }
    return [...times].map(([what, list]) => ({
      case: idleCase,
      what,
      median: round(median(list), 3),
      p99: round(quantile(list, 0.99), 3),
      worst: round(Math.max(...list), 3),
    }));
  } finally {
    for (const close of open) await close();
  }
}

// ---- rates, each run in a process of its own ----------------------------------------------------------------------------

/** Calls in batches of 256 to two threads and their ends back: what no bookkeeping at all would make of `functions-memory`. */
async function bareCalls(tasks) {
  const threads = [thread('calls'), thread('calls')];
  let given = 0;
  let ended = 0;
  const give = (worker) => {
    const calls = [];
    for (const most = Math.min(tasks, given + 256); given < most; given++)
      calls.push('0192f7c4-2b3c-7d4e-8f50-616273849596', 1, 0, `[${given}]`);
    if (calls.length > 0) worker.postMessage(calls);
  };
  await new Promise((resolve) => {
    for (const worker of threads) {
      worker.on('message', (ends) => {
        ended += ends.length;
        give(worker);
        if (ended === tasks) resolve();
      });
      give(worker);
      give(worker);
    }
  });
  for (const worker of threads) await worker.terminate();
}

/** A shell that reads lines; the next one is written when the last one has ended, and what that one wrote is removed. */
async function bareSlots(line, tasks, remove = () => {}) {
  let left = tasks;
  await Promise.all(
    [0, 1].map(
      (slot) =>
        new Promise((resolve) => {
          const shell = spawn('/bin/sh', ['-s'], { stdio: ['pipe', 'ignore', 'pipe'] });
          let count = 0;
          const at = () => join(folder, `slot-${slot}-${count}`);
          const next = () =>
            left-- > 0 ? shell.stdin.write(`${line(at(), join(folder, `slot-${slot}`))}; echo = >&2\n`) : shell.stdin.end();
          shell.stderr.on('data', () => {
            const ended = at();
            count++;
            next();
            remove(ended);
          });
          shell.once('close', resolve);
          next();
        }),
    ),
  );
}

const intoFiles = (at) => `(/bin/true) </dev/null >${at}.out 2>${at}.err`;
const removeFiles = (at) => {
  for (const path of [`${at}.out`, `${at}.err`]) if (statSync(path).size === 0) unlinkSync(path);
};

const clocked = (run) => async (tasks) => {
  const time = { from: 0, processor: 0, ms: 0 };
  const clock = {
    begin() {
      time.processor = processorTime();
      time.from = performance.now();
    },
    end() {
      time.ms = performance.now() - time.from;
    },
  };
  await run(tasks, clock);
  return { ms: time.ms, processor: processorTime() - time.processor };
};
const whole = (run) =>
  clocked(async (tasks, clock) => {
    clock.begin();
    await run(tasks);
    clock.end();
  });
const ours = ({ run }) => clocked((tasks, clock) => run(tasks, clock));

const xargs = (words) => whole((tasks) => void spawnSync('/bin/sh', ['-c', `seq ${tasks} | xargs -P2 -I{} ${words}`], { stdio: 'ignore' }));

const external = commandsOverTcp(function* (tasks) {
  for (let i = 0; i < tasks; i++) yield '/bin/true';
});

/** `[what, tasks, run]` of each case. */
const cases = {
  'durable functions': [
    ['floor: SQLite alone, 500 rows a commit', 50_000, (tasks) => recordAll(folder, tasks, { insert: 500, ends: 500 })],
    ['floor: calls to two threads and back', 50_000, whole(bareCalls)],
    ['millrace', 50_000, ours(functionsOverTcp(true))],
    ['millrace, four times as many', 200_000, ours(functionsOverTcp(true))],
  ],
  'functions in memory': [
    ['floor: calls to two threads and back', 100_000, whole(bareCalls)],
    ['millrace, runLocal', 100_000, ours(functionsLocally)],
    ['millrace, runLocal, four times as many', 400_000, ours(functionsLocally)],
  ],
  '/bin/true': [
    ['xargs -P2', 2_000, xargs('/bin/true')],
    ['floor: two shells that read lines', 2_000, whole((tasks) => bareSlots(() => '(/bin/true)', tasks))],
    ['floor: the same, output to the same files again', 2_000, whole((tasks) => bareSlots((_, slot) => intoFiles(slot), tasks))],
    ['floor: the same, output to new files', 2_000, whole((tasks) => bareSlots(intoFiles, tasks, removeFiles))],
    ['millrace', 2_000, ours(external)],
  ],
  'resident memory, MB': [
    ['floor: node alone', 0, async () => ({})],
    ['floor: with five threads that have loaded nothing', 5, (count) => idleThreads(count)],
    ['millrace, two functions', 2, ours(functionsOverTcp(true))],
    ['millrace, 50,000 functions', 50_000, ours(functionsOverTcp(true))],
  ],
};

async function idleThreads(count) {
  const threads = Array.from({ length: count }, () => thread('nothing'));
  await Promise.all(threads.map((worker) => once(worker, 'online')));
  await sleep(100);
  for (const worker of threads) await worker.terminate();
  return {};
}

/** One run in a process of its own. */
function alone(name, at, tasks) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [file, `--run=${name}`, `--at=${at}`, `--tasks=${tasks}`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function inTurns(name, contestants) {
  const runs = contestants.map(() => []);
  const size = (tasks) => (quick ? Math.ceil(tasks / 10) : tasks);
  for (let turn = 0; turn < rounds; turn++)
    for (const [at, [, tasks]] of contestants.entries()) runs[at].push(alone(name, at, name.startsWith('resident') ? tasks : size(tasks)));
  return contestants.map(([what, tasks], at) => {
    const middle = (pick) => median(runs[at].map(pick));
    if (name.startsWith('resident')) return { case: name, what, peak: Math.round(middle(({ peak }) => peak)) };
    return {
      case: name,
      what,
      tasks: size(tasks),
      rate: Math.round((size(tasks) / middle((run) => run.ms)) * 1_000),
      'CPU µs/task': round((middle(({ processor }) => processor) * 1_000) / size(tasks), 1),
    };
  });
}

try {
  const name = argument('run');
  if (name === undefined) {
    const rows = [];
    for (const { name: one } of chosen([idleCase, ...Object.keys(cases)].map((key) => ({ name: key }))))
      rows.push(...(one === idleCase ? await idle() : inTurns(one, cases[one])));
    show('floor', rows, [...packageVersions(['libsql']), programVersion('xargs'), busy]);
  } else {
    const [, , run] = cases[name][Number(argument('at'))];
    const { ms = 0, processor = 0 } = await run(Number(argument('tasks')));
    const peak = process.resourceUsage().maxRSS / 1_024;
    console.log(JSON.stringify({ ms, processor, peak }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
