/** Verifies the graph: every count against what it counts, every link from both of its ends. Tests run it after each step. */
import type { Board } from './board.ts';
import { type GraphClient, GraphObject, type GraphSession, type GraphTask, objectState, taskState } from './entities.ts';
import { isPast, mayRun } from './forgetting.ts';

function fail(story: string): never {
  throw new Error(`the graph is inconsistent: ${story}`);
}

export function checkGraph(board: Board): void {
  board.shared.check();
  let ready = board.shared.size;
  for (const client of board.clients.values()) {
    client.own.check();
    ready += client.own.size;
    if (client.own.size > 0 !== board.stocked.has(client))
      fail(`client ${client.id} has ${client.own.size} tasks of its own, unlisted or listed`);
    checkClient(client);
  }
  if (ready !== board.ready) fail(`${board.ready} tasks are counted as ready, ${ready} are`);
  for (const client of board.roomy)
    if (!client.online || client.closing || board.clients.get(client.id) !== client) fail(`client ${client.id} has room, but is not there`);
  let counted = 0;
  const isSettled = board.settled.length === 0 && board.gaveUp.length === 0;
  for (const session of board.sessions) {
    counted += checkSession(session);
    if (isSettled && !session.lasting && session.state === 'open') checkRetained(session);
  }
  if (counted !== ready) fail(`${ready} tasks stand in queues, the sessions know ${counted}`);
}

function checkClient(client: GraphClient): void {
  let load = 0;
  let memory = 0;
  let active = 0;
  for (const [run, task] of client.runs) {
    if (task.client !== client || task.run !== run || task.state !== taskState.assigned)
      fail(`client ${client.id} has task ${task.id}, which does not know it`);
    if (task.following) continue;
    active++;
    load += task.cpus;
    memory += task.needs?.memory ?? 0;
  }
  if (Math.abs(load - client.load) > 1e-6 || memory !== client.memory)
    fail(`client ${client.id} has a load of ${load}, not ${client.load}`);
  if (active !== client.active) fail(`client ${client.id} has ${active} active runs, not ${client.active}`);
  if (client.capacity.memory !== null && client.memory > client.capacity.memory) fail(`client ${client.id} is promised too much memory`);
  for (const [name, amount] of Object.entries(client.resources))
    if (amount > (client.capacity.resources[name] ?? 0)) fail(`client ${client.id} is promised too much ${name}`);
  for (const [, object] of client.held)
    if (!object.holders.includes(client)) fail(`object ${object.id} does not know that client ${client.id} holds it`);
}

function checkSession(session: GraphSession): number {
  const counts = [0, 0, 0, 0, 0, 0];
  let begun = 0;
  let objects = 0;
  let bytes = 0;
  for (const node of session.nodes.values()) {
    if (node instanceof GraphObject) {
      checkObject(node);
      if (node.state === objectState.finished) {
        objects++;
        bytes += node.size;
      }
    } else {
      counts[node.state]!++;
      if (node.begun) begun++;
      checkTask(node);
    }
  }
  const [waiting, ready, assigned, finished, failed] = counts as [number, number, number, number, number];
  if (ready !== session.ready || assigned !== session.assigned) fail(`session ${session.n} miscounts ready or assigned tasks`);
  if (waiting + ready + assigned !== session.unfinished) fail(`session ${session.n} counts ${session.unfinished} unfinished tasks`);
  if (begun !== session.begun) fail(`session ${session.n} counts ${session.begun} running tasks, not ${begun}`);
  if (finished + session.nodes.pastTasks !== session.finished || failed !== session.failed)
    fail(`session ${session.n} miscounts finished or failed tasks`);
  if (session.state === 'open' && (objects !== session.objects || bytes !== session.bytes))
    fail(`session ${session.n} miscounts its objects`);
  if (session.state !== 'open' && session.unfinished > 0) fail(`session ${session.n} has ended, with tasks that go on`);
  return ready;
}

/** What may run again has all its inputs, and what nobody can need is not there any more. */
function checkRetained({ nodes }: GraphSession): void {
  for (const node of nodes.values()) {
    if (node instanceof GraphObject) {
      const retained = node.consumers.filter(mayRun).length;
      if (!node.constant && retained !== node.retained)
        fail(`object ${node.id} has ${retained} uses that may come again, not ${node.retained}`);
    } else {
      if (isPast(node)) fail(`task ${node.id} is of no use to anybody, and was not let go`);
      for (const { id } of mayRun(node) ? node.inputs : []) if (!nodes.get(id)) fail(`task ${node.id} may run again without object ${id}`);
    }
  }
}

function checkTask(task: GraphTask): void {
  const missing = task.inputs.filter(({ state }) => state === objectState.unfinished).length;
  if (!task.ended && task.missing !== missing) fail(`task ${task.id} misses ${missing} inputs, not ${task.missing}`);
  if (task.state === taskState.waiting && missing === 0 && task.parked === null && task.session.state === 'open')
    fail(`task ${task.id} waits for nothing`);
  if (task.state === taskState.ready && missing > 0) fail(`task ${task.id} is ready without its inputs`);
  if ((task.state === taskState.ready) !== (task.heap !== null)) fail(`task ${task.id} is ready and in no queue, or the other way round`);
  if ((task.state === taskState.assigned) !== (task.client !== null))
    fail(`task ${task.id} is assigned to nobody, or has a client without it`);
  if (task.client !== null && task.client.runs.get(task.run) !== task) fail(`task ${task.id} is unknown to its client`);
  if (task.begun && task.client === null) fail(`task ${task.id} runs nowhere`);
  if (task.following && missing === 0) fail(`task ${task.id} follows nothing`);
  if (task.ended) return;
  if (task.parked !== null && (task.parked.online || !task.parked.parked.has(task)))
    fail(`task ${task.id} waits for client ${task.parked.id}, which is there`);
  for (const object of task.inputs) {
    if (object.state === objectState.removed || object.state === objectState.failed)
      fail(`task ${task.id} needs object ${object.id}, which is gone`);
  }
}

function checkObject(object: GraphObject): void {
  const { session, producer, holders, state } = object;
  const pending = object.consumers.filter((task) => !task.ended).length;
  if (session.state === 'open' && !object.constant && pending !== object.pending)
    fail(`object ${object.id} has ${pending} uses, not ${object.pending}`);
  if (new Set(holders).size !== holders.length) fail(`object ${object.id} has a holder twice`);
  for (const client of holders) if (!client.held.has(object.n)) fail(`client ${client.id} does not know that it holds object ${object.id}`);
  if (session.state !== 'open') {
    if (holders.length > 0) fail(`object ${object.id} outlives its session`);
    return;
  }
  if (object.constant) return;
  if (object.rescued && state !== objectState.finished) fail(`object ${object.id} is kept by the server, and not finished`);
  if (state === objectState.finished && holders.length === 0 && !object.rescued) fail(`object ${object.id} is finished, and nobody has it`);
  if (state === objectState.finished && !object.needed) fail(`object ${object.id} is kept for nobody`);
  if (state !== objectState.finished && holders.length > 0) fail(`object ${object.id} is held, and not finished`);
  if (state === objectState.unfinished && producer!.ended) fail(`object ${object.id} will never be made`);
}
