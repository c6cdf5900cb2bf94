/** Why a task is not running, in words: its state and every reason that holds it. */

import { storedState, type TaskRow } from '../store/store.ts';
import { outcomes } from '../task/result.ts';
import { taskState, taskStates } from '../task/state.ts';
import { taskKinds } from '../task/task.ts';
import type { ServerCore } from './core/core.ts';
import type { CoreClient } from './core/entities.ts';
import { demandOf } from './core/entities.ts';

export interface ExplanationFacts {
  state: (typeof taskStates)[number];
  /** Nothing holds it: empty. */
  reasons: string[];
}

export function explain(core: ServerCore, row: TaskRow, wall: number): ExplanationFacts {
  const held = core.task(row.n);
  const code = held?.state ?? row.state;
  const state = taskStates[code]!;
  const reasons: string[] = [];
  if (code === storedState.done) {
    reasons.push(`it has ended: ${outcomes[row.end?.outcome ?? 0]}`);
  } else if (code === taskState.running || code === taskState.leased) {
    const client = held?.grant?.client;
    if (client !== undefined) reasons.push(whereItIs(client, code === taskState.running));
  } else {
    if (held?.readyAt) reasons.push(`it starts in ${Math.max(0, held.readyAt - wall)} ms at the earliest (a start time or a back-off)`);
    reasons.push(...whyNotGranted(core, row));
  }
  return { state, reasons };
}

function whereItIs(client: CoreClient, running: boolean): string {
  const absent = client.phase === 'absent' ? ', which is not connected at the moment' : '';
  return `${running ? 'it runs on' : 'it waits for a free slot of'} client ${client.id} on ${client.host}${absent}`;
}

function whyNotGranted(core: ServerCore, row: TaskRow): string[] {
  const reasons = core.holds().map((reason) => `the server holds all work: ${reason}`);
  if (core.phase !== 'running') reasons.push(`the server is ${core.phase}`);
  const active = core.counts.activeGroup;
  if (active !== null && row.group > active) reasons.push(`group ${active} has not ended; group ${row.group} comes after it`);
  const clients = core.clients().filter(({ phase }) => phase === 'present' || phase === 'greeting');
  const demand = demandOf(row.task[3]);
  if (clients.length === 0) reasons.push('no client is connected');
  else if (!clients.some((client) => client.fits(demand))) {
    const asked = [
      demand!.cores > 0 ? `${demand!.cores} cores` : '',
      demand!.memory > 0 ? `${demand!.memory} bytes of memory` : '',
      ...Object.entries(demand!.resources).map(([name, count]) => `${count} ${name}`),
    ].filter((text) => text !== '');
    reasons.push(`it asks for ${asked.join(', ')}; no connected client has that`);
  } else if (reasons.length === 0)
    reasons.push(`every slot of the ${clients.length} connected clients that can run this ${taskKinds[row.task[0]]} task is taken`);
  return reasons;
}
