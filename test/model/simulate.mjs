/**
 * `npm run simulate -- --seeds 10000 [--from 1] [--seed 7] [--mutation no-fence] [--threads 2]`: seeds of the simulation, in as many threads as there are
 * cores. Prints how often each fault happened; a seed that fails is shrunk and its story told, and the exit code is 1. With a mutation the first seed that
 * notices it is what is looked for: exit code 1 means that none did.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { faults, mutations, shrink, simulate } from '../../dist/testing/index.js';

/** Seeds that a thread gets at once. */
const portion = 25;

if (isMainThread) await main();
else serve();

function serve() {
  const { mutation } = workerData;
  parentPort.on('message', ({ from, to }) => {
    const done = { seeds: 0, durationMs: 0, rerun: 0, crashes: 0, times: {}, inSeeds: {}, failed: [] };
    for (let seed = from; seed <= to; seed++) {
      done.seeds++;
      try {
        const report = simulate({ seed, ...mutation });
        done.durationMs += report.durationMs;
        done.rerun += report.rerun;
        done.crashes += report.crashes;
        for (const fault of faults) {
          done.times[fault] = (done.times[fault] ?? 0) + report.faults[fault];
          done.inSeeds[fault] = (done.inSeeds[fault] ?? 0) + (report.faults[fault] > 0 ? 1 : 0);
        }
      } catch (error) {
        done.failed.push({ seed, message: error.message });
        if (mutation.mutation !== undefined) break;
      }
    }
    parentPort.postMessage(done);
  });
}

async function main() {
  const { seeds, from, mutation, threads } = readArguments();
  const began = performance.now();
  const total = { seeds: 0, durationMs: 0, rerun: 0, crashes: 0, times: {}, inSeeds: {}, failed: [] };
  let next = from;
  let told = began;
  const end = from + seeds - 1;
  const work = () => {
    const { promise, resolve, reject } = deferred();
    const worker = new Worker(new URL(import.meta.url), { workerData: { mutation } });
    const give = () => {
      if (next > end || (mutation.mutation !== undefined && total.failed.length > 0)) {
        worker.terminate().then(resolve, reject);
        return;
      }
      const to = Math.min(end, next + portion - 1);
      worker.postMessage({ from: next, to });
      next = to + 1;
    };
    worker.on('error', reject);
    worker.on('message', (done) => {
      add(total, done);
      for (const { message } of done.failed) console.log(message.split('\n')[0]);
      if (performance.now() - told >= 5_000) {
        told = performance.now();
        console.log(`${total.seeds} of ${seeds} seeds, ${total.failed.length} failed, ${seconds(told - began)}`);
      }
      give();
    });
    give();
    return promise;
  };
  await Promise.all(Array.from({ length: Math.min(threads, Math.ceil(seeds / portion)) }, work));
  tell(total, performance.now() - began, mutation);
}

function tell(total, ms, mutation) {
  if (total.seeds > total.failed.length)
    console.table(Object.fromEntries(faults.map((fault) => [fault, { times: total.times[fault], seeds: total.inSeeds[fault] }])));
  const simulated = Math.round(total.durationMs / 1_000);
  console.log(
    `${total.seeds} seeds in ${seconds(ms)}: ${simulated} simulated seconds, ${total.crashes} crashes, ${total.rerun} runs repeated with a reason, ${total.failed.length} seeds failed`,
  );
  total.failed.sort((a, b) => a.seed - b.seed);
  const [first] = total.failed;
  if (first !== undefined) {
    const { failure, call, runs } = shrink({ seed: first.seed, ...mutation });
    console.log(`\nseed ${first.seed}, shrunk in ${runs} runs: ${failure.reason}\n\n${failure.story.join('\n')}\n\n${call}`);
  }
  const expected = mutation.mutation !== undefined;
  if (expected && first === undefined) console.log(`the mutation ${mutation.mutation} was not noticed`);
  if ((first !== undefined) !== expected) process.exitCode = 1;
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      mutation: { type: 'string' },
      threads: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const mutation = values.mutation === undefined ? {} : { mutation: values.mutation };
  if (values.mutation !== undefined && !mutations.includes(values.mutation)) refuse(`--mutation is one of ${mutations.join(' ')}`);
  const threads = whole('threads', values.threads);
  if (values.seed !== undefined) return { seeds: 1, from: whole('seed', values.seed), mutation, threads };
  return { seeds: whole('seeds', values.seeds), from: whole('from', values.from), mutation, threads };
}

function whole(name, text) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) refuse(`--${name} is a whole number from 1, not '${text}'`);
  return number;
}

function refuse(message) {
  console.error(message);
  process.exit(2);
}

function add(total, done) {
  for (const name of ['seeds', 'durationMs', 'rerun', 'crashes']) total[name] += done[name];
  for (const table of ['times', 'inSeeds'])
    for (const [fault, count] of Object.entries(done[table])) total[table][fault] = (total[table][fault] ?? 0) + count;
  total.failed.push(...done.failed);
}

function deferred() {
  let resolve;
  let reject;
  const promise = new Promise((keep, refuse) => {
    resolve = keep;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

function seconds(ms) {
  return `${(ms / 1_000).toFixed(1)} s`;
}
