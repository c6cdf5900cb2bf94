/** Why a task is not running, in words: its state and every reason that holds it. */
import type { Explanation } from '../data/task-data.ts';
import { storedState, type TaskRow } from '../store/store.ts';
import { outcomes } from '../task/result.ts';
import { taskState, taskStates } from '../task/state.ts';
import { taskKinds } from '../task/task.ts';
import type { ServerCore } from './core/core.ts';
import type { CoreClient, CoreTask } from './core/entities.ts';
import { limitReasons, placementReasons } from './obstacles.ts';
import type { StallFacts } from './stall.ts';

/** The asker knows the id. */
export type ExplanationFacts = Omit<Explanation, 'id'>;

/** Parents that are named; there may be thousands. */
const mostParents = 5;

export function explain(
  core: ServerCore,
  row: TaskRow,
  time: { now: number; wall: number },
  stalled: StallFacts | null = null,
): ExplanationFacts {
  const held = core.task(row.n);
  const code = held?.state ?? row.state;
  const state = taskStates[code]!;
  const reasons: string[] = [];
  if (stalled !== null && row.end === null)
    reasons.push(`the server can record nothing, so it accepts and grants nothing until it can: ${stalled.message}`);
  if (code === storedState.done) {
    const why = row.end?.extra?.error?.message;
    reasons.push(`it has ended: ${outcomes[row.end?.outcome ?? 0]}${why === undefined ? '' : ` (${why})`}`);
  } else if (code === taskState.running || code === taskState.leased) {
    const client = held?.grant?.client;
    if (client !== undefined) reasons.push(whereItIs(client, code === taskState.running));
  } else {
    if (held !== null) reasons.push(...whatItWaitsFor(core, held, time.wall));
    reasons.push(...whyNotGranted(core, row, time.now));
  }
  return { state, reasons };
}

function whereItIs(client: CoreClient, running: boolean): string {
  const absent = client.phase === 'absent' ? ', which is not connected at the moment' : '';
  return `${running ? 'it runs on' : 'it waits for a free slot of'} client ${client.id} on ${client.host}${absent}`;
}

function whatItWaitsFor(core: ServerCore, task: CoreTask, wall: number): string[] {
  const reasons: string[] = [];
  const { dependsOn = [], parents = [], cron } = task.attributes ?? {};
  const open = core.parents(task.n);
  if (open.length > 0) {
    const names = open.slice(0, mostParents).map((n) => dependsOn[parents.indexOf(n)] ?? `number ${n}`);
    const more = open.length > names.length ? ` and ${open.length - names.length} others` : '';
    reasons.push(`it waits for the end of ${open.length === 1 ? 'task' : `${open.length} tasks:`} ${names.join(', ')}${more}`);
  }
  if (task.readyAt === null) return reasons;
  const left = Math.max(0, Math.round(task.readyAt - wall));
  const when = new Date(task.readyAt).toISOString();
  if (task.attempts > 0) reasons.push(`attempt ${task.attempts} failed; it backs off for ${left} ms, until ${when}`);
  else if (cron !== undefined) reasons.push(`its cron line ${JSON.stringify(cron)} matches next at ${when}, in ${left} ms`);
  else reasons.push(`it starts in ${left} ms at the earliest, at ${when} (startAfter)`);
  return reasons;
}

function whyNotGranted(core: ServerCore, row: TaskRow, now: number): string[] {
  const reasons = core.holds().map((reason) => `the server holds all work: ${reason}`);
  if (core.phase !== 'running') reasons.push(`the server is ${core.phase}`);
  const active = core.counts.activeGroup;
  if (active !== null && row.group > active) reasons.push(`group ${active} has not ended; group ${row.group} comes after it`);
  if (!core.passesFailures)
    for (const [group, story] of core.failedGroups)
      if (group < row.group) reasons.push(`group ${group} failed, and later groups wait until that is mended: ${story}`);
  const clients = core.clients().filter(({ phase }) => phase === 'present' || phase === 'greeting');
  const attributes = row.task[3];
  const placement = placementReasons(clients, attributes, now);
  if (clients.length === 0) reasons.push('no client is connected');
  reasons.push(...placement, ...limitReasons(core.limitUnits(attributes), now));
  if (core.isHeldBack(row.n))
    reasons.push(`it has lost its client ${row.losses} times, so it waits for a client that has nothing else to run`);
  if (reasons.length === 0 && row.state === storedState.ready)
    reasons.push(`every slot of the ${clients.length} connected clients that can run this ${taskKinds[row.task[0]]} task is taken`);
  return reasons;
}
