/**
 * The demo, run by `npm start`: every line of a file of tasks, commands and functions mixed, through a server on a database file, a
 * submitter and two clients, each in a thread of its own. Needs no service, leaves nothing behind, and ends with status 1 when anything went
 * wrong.
 *
 *   node dist/demo/main.js [folder]      default: the node_modules of this package
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClientThread } from '../client/thread.ts';
import { ServerThread } from '../server/thread.ts';
import { SubmitThread } from '../submit/thread.ts';
import { pickFiles, planOf, readPlan, writePlan } from './plan.ts';
import { progressLine, Report } from './report.ts';

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL('../../node_modules', import.meta.url)));
const temporary = mkdtempSync(join(tmpdir(), 'millrace-demo-'));
const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort());
process.once('SIGTERM', () => stopping.abort());
try {
  const faults = await run(folder, temporary, stopping.signal);
  for (const fault of faults) console.error(`wrong: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

/** Resolves with what went wrong, in words. */
async function run(folder: string, temporary: string, signal: AbortSignal): Promise<string[]> {
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}: run npm ci, or name another folder`);
  const files = pickFiles(folder);
  const plan = join(temporary, 'tasks.jsonl');
  const database = join(temporary, 'tasks.db');
  await writePlan(plan, planOf(files));
  console.log(`${files.length} files of ${folder}, three tasks for each: a command (wc) and two functions (hash, compress)`);

  await using server = await ServerThread.new({ address: 'localhost:0', database, signal });
  const numTasks = Math.max(1, Math.floor(availableParallelism() / 2));
  await using left = await ClientThread.new({ address: server.address, numTasks, signal });
  await using right = await ClientThread.new({ address: server.address, numTasks, signal });
  const names = new Map([left, right].map((client, i) => [client.id, `client ${i + 1}`]));
  console.log(
    `server on ${JSON.stringify(server.address)}, two clients with ${numTasks} slot${numTasks === 1 ? '' : 's'} each, tasks in ${database}`,
  );

  const stopShowing = showProgress(server);
  const results = server.results();
  await using submitter = await SubmitThread.new(readPlan(plan), { address: server.address, signal });
  const report = new Report(files);
  for await (const result of results) report.add(result);
  const [summary, { submitted }] = await Promise.all([server.join(), submitter.join(), left.join(), right.join()]);
  stopShowing();
  const size = statSync(database).size;
  for (const line of report.lines(summary, names)) console.log(line);
  console.log(`the database holds all of it in ${(size / 1_000_000).toFixed(1)} MB`);
  return report.faults(summary, Math.max(submitted, files.length * 3));
}

/** On a terminal one line that is written again and again, else a line now and then. Returns the way to end it. */
function showProgress(server: ServerThread): () => void {
  const { stdout } = process;
  let events = 0;
  server.on('progress', (progress) => {
    if (stdout.isTTY) stdout.write(`\r\x1b[2K${progressLine(progress).slice(0, stdout.columns - 1)}`);
    else if (events++ % 4 === 0) console.log(progressLine(progress));
  });
  return () => {
    server.removeAllListeners('progress');
    if (stdout.isTTY) stdout.write('\r\x1b[2K');
  };
}
