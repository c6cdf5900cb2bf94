/**
 * Runs benchmarks by name, one after the other, each in a process of its own: `npm run bench -- <name>… [--quick] [--only=case]`, or `all`.
 * Ends with status 1 when one could not run; a bar that is missed is told, and is no failure.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { machine } from './harness.mjs';

/** One question each. */
const benchmarks = {
  shell: 'commands a second, durable, beside xargs, GNU parallel and a spawn loop; in a small host and one of 1 GiB',
  functions: 'function calls a second from adding to recorded end, beside piscina',
  latency: 'from a submission to an idle server to the start of the task',
  startup: 'from nothing to the first task done, and its parts',
  'shell-slots': 'the bare slots of a client, without a server',
  memory: 'resident memory of a server while it streams 1,000,000 lines into SQLite',
  core: "what the server's decisions cost per task, without store and network",
  connections: 'what a server takes for each connected client, and how long until 200 have had work',
  scale: 'the same with 1,000 clients of 250 slots and up to 1,000,000 queued tasks, in virtual time',
};
/** How `--quick` is said to those that take no options. */
const quickly = { 'shell-slots': { N: '300', ROUNDS: '2' }, core: { TASKS: '100000' }, memory: { TASKS: '200000' } };

const words = process.argv.slice(2);
const options = words.filter((word) => word.startsWith('--'));
const names = words.filter((word) => !word.startsWith('--'));
const chosen = names.includes('all') ? Object.keys(benchmarks) : names;
const unknown = chosen.filter((name) => benchmarks[name] === undefined);
if (chosen.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`there is no benchmark ${unknown.join(', ')}`);
  console.error('npm run bench -- <name>… | all   [--quick] [--only=case]');
  for (const [name, question] of Object.entries(benchmarks)) console.error(`  ${name.padEnd(12)} ${question}`);
  process.exit(2);
}

console.log(Object.values(machine()).join(' · '));
const failed = [];
for (const name of chosen) {
  console.log(`\n== ${name}: ${benchmarks[name]}`);
  const file = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  const env = options.includes('--quick') ? { ...process.env, ...quickly[name] } : process.env;
  const { status } = spawnSync(process.execPath, [file, ...options], { stdio: 'inherit', env });
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`could not run: ${failed.join(', ')}`);
  process.exit(1);
}
