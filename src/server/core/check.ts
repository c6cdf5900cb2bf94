/** The consistency of the core as code: every index against every other. Linear in what is held; for tests, after each step. */
import { MillraceError } from '../../base/errors.ts';
import { taskState } from '../../task/state.ts';
import { limitProblems } from './limit-problems.ts';
import type { CoreState } from './state.ts';

export function checkState(state: CoreState): void {
  const wrong = (what: string): never => {
    throw new MillraceError('ERR_INTERNAL', `the core is inconsistent: ${what}`);
  };
  let inGrants = 0;
  for (const client of state.leases.clients.values()) {
    let leased = 0;
    let running = 0;
    for (const [id, grant] of client.grants) {
      if (grant.id !== id || grant.client !== client) wrong(`grant ${id} is not client ${client.id}'s`);
      let out = 0;
      grant.tasks.forEach((task, place) => {
        if (task === null) return;
        out++;
        if (task.grant !== grant || task.place !== place) wrong(`${task.story()} does not know its grant ${id}`);
        if (task.state !== taskState.leased && task.state !== taskState.running) wrong(`${task.story()} is in grant ${id}`);
        if (state.tasks.get(task.n) !== task) wrong(`${task.story()} is leased but not held`);
        if (task.state === taskState.running) running++;
      });
      if (out !== grant.out || out === 0) wrong(`grant ${id} counts ${grant.out} tasks but holds ${out}`);
      leased += out;
    }
    inGrants += leased;
    if (client.keptFor?.grant && (client.keptFor.grant.client !== client || leased > 1)) wrong(`${client.keptFor.story()} is not alone`);
    if (client.keptFor?.grant === null && state.window.suspects.emptied?.client !== client)
      wrong(`client ${client.id} is emptied for nothing`);
    if (leased !== client.leased || running !== client.running)
      wrong(`client ${client.id} counts ${client.leased}/${client.running}, holds ${leased}/${running}`);
    if ((client.connection === null) !== (client.phase === 'absent'))
      wrong(`client ${client.id} is ${client.phase} with connection ${client.connection}`);
    if (client.connection !== null && state.leases.byConnection.get(client.connection) !== client)
      wrong(`connection ${client.connection} is not client ${client.id}'s`);
  }
  for (const problem of state.leases.crowd.problems(state.leases.clients.values())) wrong(problem);
  let inWindow = 0;
  for (const task of state.window) {
    inWindow++;
    if (task.state !== taskState.ready || state.tasks.get(task.n) !== task) wrong(`${task.story()} is in the ready window`);
  }
  for (const problem of [...state.window.problems(), ...limitProblems(state)]) wrong(problem);
  for (const task of state.window.suspects) {
    if (task.state !== taskState.ready || state.tasks.get(task.n) !== task) wrong(`${task.story()} is held back`);
  }
  if (inWindow !== state.window.size) wrong(`the window counts ${state.window.size} tasks but holds ${inWindow}`);
  let waits = 0;
  for (const task of state.tasks.values()) {
    if (task.state === taskState.waiting) waits++;
    if (task.state === taskState.done) wrong(`${task.story()} is done but held`);
  }
  if (state.tasks.size !== inWindow + state.window.suspects.size + inGrants + waits)
    wrong(`${state.tasks.size} tasks are held, ${inWindow} ready, ${inGrants} leased, ${waits} waiting`);
  for (const problem of state.dependencies.problems(state)) wrong(problem);
  let pending = 0;
  for (const count of state.counts.groups.values()) pending += count;
  const accounted = state.tasks.size + state.window.stored;
  if (pending !== state.counts.pending || pending !== accounted)
    wrong(`${pending} tasks are pending, ${state.counts.pending} counted, ${accounted} held or stored`);
  const ended = state.counts.outcomes.reduce((sum, count) => sum + count, 0);
  if (state.counts.submitted !== ended + pending) wrong(`${state.counts.submitted} submitted, ${ended} ended, ${pending} pending`);
}
