/**
 * What runs where: greedily, whatever is ready, on clients that have room. A client takes first what lies near (its own queue), then what has no place,
 * then what lies near a client that is full. Beyond its cores it is sent as much as it will do in the next moment, so that tiny tasks do not wait for
 * the way there and back; and with a task goes the line of tasks that only it holds up.
 */
import { type Board, canHold } from './board.ts';
import { type GraphClient, type GraphTask, objectState, taskState } from './entities.ts';
import { runsBefore } from './heap.ts';
import type { Needs } from './needs.ts';

/** A client has so much work in hand (ms), and at most so many tasks. */
const ahead = 50;
const mostAhead = 1_024;
/** The longest line that travels with a task. */
const longestLine = 256;
/** A client that has so many runs gets no more lines. */
const mostRuns = 4_096;
/** Bytes per ms that a transfer makes, and what one costs at least (ms). */
const transferRate = 500_000;
const transferCost = 1;

/** Runs that a client may have. */
function windowOf({ width, mean }: GraphClient): number {
  return Math.max(width, Math.min(mostAhead, Math.floor((width * ahead) / Math.max(mean, 0.01))));
}

function fitsNow(client: GraphClient, needs: Needs | null): boolean {
  const { capacity, cores, load, memory, resources } = client;
  if (client.active >= capacity.slots) return false;
  if (needs === null) return load + 1 <= cores;
  if (load + needs.cpus > cores || (capacity.memory !== null && memory + needs.memory > capacity.memory)) return false;
  for (const name in needs.resources) if ((resources[name] ?? 0) + needs.resources[name]! > (capacity.resources[name] ?? 0)) return false;
  return true;
}

/** Give out what can be given. */
export function place(board: Board): void {
  board.stealAt = Number.POSITIVE_INFINITY;
  if (board.ready === 0) return;
  const reserved = board.demanding > 0 ? reservation(board) : null;
  for (const client of board.roomy) {
    if (board.ready === 0) return;
    fill(board, client, (needs) => (client !== reserved || needs !== null) && fitsNow(client, needs), Number.POSITIVE_INFINITY);
  }
  // What follows waits behind what runs: everybody gets a part of it.
  const part = Math.ceil(board.ready / Math.max(1, board.roomy.size));
  for (const client of board.roomy) {
    if (board.ready === 0) return;
    const window = windowOf(client);
    if (client !== reserved) fill(board, client, (needs) => needs === null && client.width > 0 && client.active < window, part);
    if (client.active >= window) board.roomy.delete(client);
  }
}

/** A client that takes no small tasks until a large one fits, which would else be passed by them for ever; null: none waits so. */
function reservation(board: Board): GraphClient | null {
  let head: GraphTask | null = null;
  for (const queue of [board.shared, ...[...board.stocked].map(({ own }) => own)])
    for (const task of queue.demanding()) if (head === null || runsBefore(task, head)) head = task;
  if (head === null) return null;
  let best: GraphClient | null = null;
  for (const client of board.clients.values()) {
    if (!client.online || client.closing || !canHold(client, head)) continue;
    if (fitsNow(client, head.needs)) return null;
    if (best === null || client.load < best.load) best = client;
  }
  return best;
}

function fill(board: Board, client: GraphClient, fits: (needs: Needs | null) => boolean, most: number): void {
  for (let given = 0; given < most; given++) {
    const task = next(board, client, fits);
    if (task === null) return;
    give(board, task, client);
  }
}

function next(board: Board, client: GraphClient, fits: (needs: Needs | null) => boolean): GraphTask | null {
  const near = client.own.next(fits);
  const free = board.shared.next(fits);
  if (near !== null && (free === null || near.priority >= free.priority)) return near;
  return free ?? stolen(board, client, fits);
}

/** From a client that has more to do than the way of its data takes. */
function stolen(board: Board, thief: GraphClient, fits: (needs: Needs | null) => boolean): GraphTask | null {
  if (thief.active >= thief.width) return null;
  let richest: GraphClient | null = null;
  for (const client of board.stocked) if (client !== thief && (richest === null || client.own.size > richest.own.size)) richest = client;
  if (richest === null) return null;
  const task: GraphTask | null = richest.own.next(fits);
  if (task === null || !richest.online) return task;
  // It takes that itself, in this very turn.
  if (fitsNow(richest, task.needs)) return null;
  let bytes = 0;
  for (const object of task.inputs) if (!thief.held.has(object.n)) bytes += object.size;
  const cost = transferCost + bytes / transferRate;
  const turns = (richest.own.size + richest.runs.size) / Math.max(1, richest.width);
  if (turns * Math.max(richest.mean, board.now - richest.lastDone) >= cost) return task;
  board.stealAt = Math.min(board.stealAt, richest.lastDone + cost / turns);
  return null;
}

function give(board: Board, first: GraphTask, client: GraphClient): void {
  board.assign(first, client, false);
  let last = first;
  const links = Math.min(longestLine, mostRuns - client.runs.size);
  for (let i = 0; i < links; i++) {
    const following = followerOf(last, client);
    if (following === null) return;
    board.assign(following, client, true);
    last = following;
  }
}

/** The one task that waits for this one's output and for nothing else, all its other inputs being there; null: there is none. */
function followerOf(task: GraphTask, client: GraphClient): GraphTask | null {
  const output = task.outputs[0];
  if (output === undefined || task.outputs.length !== 1 || output.state !== objectState.unfinished) return null;
  const follower = output.consumers[0];
  if (follower === undefined || follower.state !== taskState.waiting || follower.needs !== null) return null;
  if (output.consumers.length > 1 && output.consumers.some((consumer) => consumer !== follower)) return null;
  if (follower.missing !== output.consumers.length) return null;
  for (const object of follower.inputs) if (object !== output && !client.held.has(object.n) && !object.constant) return null;
  return follower;
}

/** How much to ask back, and of whom: a client does nothing while another has more than it can begin, for longer than was thought. */
export function recallable(board: Board, now: number): { client: GraphClient; tasks: number } | null {
  if (board.ready > 0) return null;
  let room = 0;
  let busiest: GraphClient | null = null;
  for (const client of board.clients.values()) {
    if (!client.online || client.closing) continue;
    if (client.active < client.width) room += client.width - client.active;
    else if (
      excess(client) > 0 &&
      !client.recalling &&
      now - client.lastDone >= ahead &&
      (busiest === null || excess(client) > excess(busiest))
    )
      busiest = client;
  }
  if (room === 0 || busiest === null) return null;
  return { client: busiest, tasks: Math.min(room, Math.ceil(excess(busiest) / 2)) };
}

function excess({ active, width }: GraphClient): number {
  return active - width;
}

/** When to look again whether something is to be asked back; null: not before something happens. */
export function recallDue(board: Board): number | null {
  let idle = false;
  let due: number | null = null;
  for (const client of board.clients.values()) {
    if (!client.online || client.closing) continue;
    if (client.active < client.width) idle = true;
    else if (excess(client) > 0 && !client.recalling) due = Math.min(due ?? Number.POSITIVE_INFINITY, client.lastDone + ahead);
  }
  return idle ? due : null;
}

/** Why a ready task does not run. */
export function obstacleOf(board: Board, task: GraphTask): string {
  const clients = [...board.clients.values()];
  if (clients.length === 0) return 'no client is connected';
  if (!clients.some((client) => canHold(client, task))) {
    const { cpus = 1, memory = 0, resources = {} } = task.needs ?? {};
    const wants = [
      `${cpus} cores`,
      ...(memory > 0 ? [`${memory} bytes of memory`] : []),
      ...Object.entries(resources).map(([name, amount]) => `${name}: ${amount}`),
    ].join(', ');
    const has = [
      `${Math.max(...clients.map(({ cores }) => cores))} cores`,
      ...(memory > 0 ? [mostMemory(clients)] : []),
      ...Object.keys(resources).map((name) => `${name}: ${Math.max(...clients.map(({ capacity }) => capacity.resources[name] ?? 0))}`),
    ].join(', ');
    return `no connected client can ever hold it: it asks for ${wants}; the most that any client has is ${has}`;
  }
  if (!clients.some((client) => client.online && !client.closing && canHold(client, task)))
    return 'the clients that could hold it are away or leaving';
  return 'all clients that could hold it are busy';
}

function mostMemory(clients: readonly GraphClient[]): string {
  const most = Math.max(...clients.map(({ capacity }) => capacity.memory ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(most) ? `${most} bytes of memory` : 'memory without a limit';
}
