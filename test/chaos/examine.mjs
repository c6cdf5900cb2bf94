/**
 * The end of every run: the store against what was submitted. Each task has exactly one outcome, the right one, in exactly one recorded end; and who ran
 * more than once did so because a lease had ended, of which the harness must know why.
 */
import { existsSync, readFileSync } from 'node:fs';
import { openTasks } from '../../dist/index.js';
import { mistake } from './source.mjs';

/** What was executed: for each task its runs as `{ attempt, client }`; `last`: whose the last run was. */
export function runsIn(path, clientOfProcess) {
  const runs = Object.assign(new Map(), { last: null });
  if (!existsSync(path)) return runs;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue;
    const [n, attempt, who] = line.split(':');
    const run = { attempt: Number(attempt), client: clientOfProcess.get(who) ?? who };
    runs.last = run.client;
    const known = runs.get(Number(n));
    if (known === undefined) runs.set(Number(n), [run]);
    else known.push(run);
  }
  return runs;
}

/**
 * `wanted`: what task n must have become. `count`: so many were accepted, numbered from 0, and `extra` beside them. `blame`: why leases of a client may have ended, by its id.
 * Gives what is wrong, in words, and how many tasks ran again, by reason.
 */
export async function examine({ database, runs, count, extra, wanted, blame, clientOfProcess }) {
  const wrong = [];
  const executed = runsIn(runs, clientOfProcess);
  const reasons = new Map();
  const seen = new Set();
  const outcomes = {};
  let lostAttempts = 0;
  let again = 0;
  const tasks = await openTasks(database);
  try {
    for await (const record of tasks.find()) {
      const { n } = record.tags;
      if (seen.has(n)) wrong.push(`task ${n} is recorded twice`);
      seen.add(n);
      if (n >= count && !extra.includes(n)) wrong.push(`task ${n} is recorded and was never given`);
      const history = await tasks.history(record.id);
      const lost = history.filter(({ outcome }) => outcome === 'lost');
      lostAttempts += lost.length;
      if (record.state !== 'done') {
        wrong.push(`task ${n} is ${record.state}`);
        continue;
      }
      outcomes[record.outcome] = (outcomes[record.outcome] ?? 0) + 1;
      const plan = wanted(n);
      const mistaken = mistake(plan, record);
      if (mistaken !== null) wrong.push(`task ${n} (${plan.kind}) ${mistaken}`);
      const ends = history.length - lost.length + (record.outcome === 'lost' ? 1 : 0);
      if (ends !== 1) wrong.push(`task ${n} has ${ends} ends in its history: ${history.map(({ outcome }) => outcome)}`);
      const ran = executed.get(n) ?? [];
      if (record.outcome !== 'lost' && !ran.some(({ attempt, client }) => attempt === record.attempt && client === record.clientId))
        wrong.push(`task ${n} has an end of attempt ${record.attempt} on ${record.clientId} and never ran so: ${JSON.stringify(ran)}`);
      if (ran.length < 2) continue;
      again++;
      for (const reason of reasonsOf(ran, record, lost, blame)) {
        if (reason.explained) reasons.set(reason.text, (reasons.get(reason.text) ?? 0) + 1);
        else wrong.push(`task ${n} ran again without a reason: ${reason.text}; runs ${JSON.stringify(ran)}`);
      }
    }
  } finally {
    await tasks.close();
  }
  for (const n of [...Array(count).keys(), ...extra]) if (!seen.has(n)) wrong.push(`task ${n} was accepted and is not recorded`);
  return { wrong, tasks: seen.size, outcomes, lostAttempts, again, reasons };
}

/** Why each run that is not the recorded one was not the last. */
function reasonsOf(ran, record, lost, blame) {
  const said = [];
  let recorded = false;
  for (const [i, { attempt, client }] of ran.entries()) {
    const why = blame.get(client);
    const twin = ran.findIndex((other) => other.attempt === attempt && other.client === client);
    // A client that was given up and came back may get the same attempt again, if it had not told that it had begun it.
    if (twin !== i && why === undefined) {
      said.push({ explained: false, text: `attempt ${attempt} began twice on ${client}` });
      continue;
    }
    if (!recorded && attempt === record.attempt && client === record.clientId) {
      recorded = true;
      continue;
    }
    const entered = lost.some((loss) => loss.attempt === attempt && (loss.clientId === null || loss.clientId === client));
    if (why === undefined)
      said.push({ explained: false, text: `the lease of attempt ${attempt} on ${client} ended, and nothing had happened to it` });
    else said.push({ explained: true, text: `${why}${entered ? '' : ' before it told that it had begun it'}` });
  }
  return said;
}
