/** The work conversation: greeting, credit, starts, results, what is given back; and the loss of a client. */
import { MillraceError } from '../../base/errors.ts';
import type { GrantId, Ranges } from '../../protocol/messages.ts';
import type { AttemptEnd } from '../../store/store.ts';
import { fromRanges, toRanges } from '../../task/ranges.ts';
import { outcomeCode, type WireResult } from '../../task/result.ts';
import { retryDelay } from '../../task/retry.ts';
import { enter, taskState } from '../../task/state.ts';
import { CoreClient, type CoreTask, type Grant } from './entities.ts';
import type { CoreEvent } from './events.ts';
import type { CoreState } from './state.ts';

type Connected = Extract<CoreEvent, { type: 'client-connected' }>;

/** No grant is larger: bounds what ranges of a peer may name. */
const largestGrant = 65_536;

export function connect(state: CoreState, { connection, id, host, capacity, joined, certificate }: Connected): void {
  const { leases, time } = state;
  let client = leases.clients.get(id);
  if (client === undefined) {
    client = new CoreClient(state.nextClient++, id, host, capacity, time.now);
    leases.clients.set(id, client);
    state.writes.clients.push(joined ? { n: client.n, id, host, joined } : { n: client.n, id, host });
  } else if (client.connection !== null) {
    const error = new MillraceError('ERR_CONNECTION_CLOSED', 'the client has a newer connection');
    state.turn.cut.push({ connection: client.connection, error });
    leases.byConnection.delete(client.connection);
  }
  client.equip(capacity, time.now);
  client.certificate = certificate ?? null;
  client.connection = connection;
  client.phase = 'greeting';
  client.lastContact = time.now;
  client.wantSequence = 0;
  client.wanted = 0;
  client.sent = 0;
  client.free = 0;
  client.recallSentAt = -1;
  client.acknowledge = -1;
  client.resultsSequence = 0;
  leases.byConnection.set(connection, client);
  leases.crowd.moved(client);
}

export function disconnect(state: CoreState, client: CoreClient): void {
  if (client.connection !== null) state.leases.byConnection.delete(client.connection);
  client.connection = null;
  client.phase = 'absent';
  client.absentSince = state.time.now;
  client.sawClose = true;
  client.recallSentAt = -1;
  client.acknowledge = -1;
  state.leases.crowd.moved(client);
  if (client.grants.size === 0) leave(state, client);
}

/** The full list of what the client holds is the truth: leased but not listed is ready at once, listed but not leased is to be dropped. */
export function resume(state: CoreState, client: CoreClient, held: readonly (readonly [GrantId, Ranges])[]): void {
  if (client.phase !== 'greeting') throw new MillraceError('ERR_PROTOCOL', 'resume may come once, first');
  const listed = new Map(held.map(([grant, places]) => [grant, new Set(fromRanges(places, largestGrant))]));
  for (const grant of [...client.grants.values()]) {
    const numbers = listed.get(grant.id);
    for (const task of grant.tasks) if (task !== null && !numbers?.has(task.n)) state.giveBack(task);
  }
  const drop: [GrantId, Ranges][] = [];
  for (const [id, numbers] of listed) {
    const gone = [...numbers].filter((n) => leased(state, client, id, n) === null);
    if (gone.length > 0) drop.push([id, toRanges(gone)]);
  }
  client.phase = state.phase === 'running' ? 'present' : 'leaving';
  state.turn.joined.push(client.id);
  state.send(client.connection, ['resumed', drop]);
  if (state.phase === 'draining') state.send(client.connection, ['drain']);
  if (state.phase === 'killing') state.send(client.connection, ['end', 'stopped']);
}

/** The task if this client holds it under this very grant. */
function leased(state: CoreState, client: CoreClient, id: GrantId, n: number): CoreTask | null {
  const task = state.tasks.get(n);
  return task !== undefined && task.grant !== null && state.fence(task, id, client) ? task : null;
}

export function started(state: CoreState, client: CoreClient, id: GrantId, numbers: Ranges): void {
  const grant = client.grants.get(id);
  if (grant === undefined) return;
  for (const n of fromRanges(numbers, largestGrant)) {
    const task = leased(state, client, id, n);
    if (task?.state !== taskState.leased) continue;
    enter(task, taskState.running);
    task.started = state.time;
    client.running++;
    state.note('started', task, grant.attempt, client);
  }
}

/** How an attempt may end on a client. */
const ends: ReadonlySet<number> = new Set([outcomeCode.succeeded, outcomeCode.failed, outcomeCode.timeout]);

/** Every result is settled: recorded, or counted as refused when its lease has ended or it was recorded before. */
export function results(
  state: CoreState,
  client: CoreClient,
  sequence: number,
  bundles: readonly (readonly [GrantId, readonly WireResult[]])[],
): void {
  if (sequence !== client.resultsSequence + 1)
    throw new MillraceError('ERR_PROTOCOL', `results ${sequence} came when ${client.resultsSequence + 1} were due`);
  client.resultsSequence = sequence;
  if (client.acknowledge < 0) state.leases.unanswered.push(client);
  client.acknowledge = sequence;
  for (const [id, list] of bundles) {
    for (const result of list) {
      const task = leased(state, client, id, result[0]);
      if (task === null) {
        state.counts.refused++;
        continue;
      }
      if (!ends.has(result[1])) throw new MillraceError('ERR_PROTOCOL', `a client cannot end a task with outcome ${result[1]}`);
      client.completedSince++;
      settle(state, task, task.grant!, result);
    }
  }
}

function settle(state: CoreState, task: CoreTask, grant: Grant, result: WireResult): void {
  const outcome = result[1];
  const startedAt = result[3];
  const durationMs = result[4];
  const end: AttemptEnd = {
    n: task.n,
    attempt: grant.attempt,
    outcome,
    exitStatus: result[2],
    client: grant.client.n,
    slot: result[5],
    startedAt,
    durationMs,
    completedAt: startedAt === null ? state.time.wall : Math.round(startedAt + durationMs),
    waitedMs: state.waited(task, durationMs),
    extra: result[6],
  };
  const failed = outcome === outcomeCode.failed || outcome === outcomeCode.timeout;
  const attributes = task.attributes;
  const failures = grant.attempt - task.losses - (attributes?.earlierAttempts ?? 0);
  if (!failed || failures > (attributes?.maxRetries ?? state.options.maxRetries)) {
    state.end(task, end);
    return;
  }
  state.note('retried', task, grant.attempt, grant.client);
  state.again(task, end, retryDelay(attributes?.backoff ?? state.options.backoff, failures, task.n));
}

export function givenBack(state: CoreState, client: CoreClient, given: readonly (readonly [GrantId, Ranges])[]): void {
  client.recallSentAt = -1;
  client.recalledAt = state.time.now;
  for (const [id, numbers] of given) {
    for (const n of fromRanges(numbers, largestGrant)) {
      const task = leased(state, client, id, n);
      if (task !== null) state.giveBack(task);
    }
  }
}

/** The client leaves for good: what it did not list as given back did not run to an end either. */
export function bye(state: CoreState, client: CoreClient): void {
  for (const grant of [...client.grants.values()]) for (const task of grant.tasks) if (task !== null) state.giveBack(task);
  client.phase = 'leaving';
}

/** Time in which the server heard nobody counts against nobody: what was sent meanwhile waits in its sockets, and is read after the timers that are due. */
export function forgiveSilence(state: CoreState, ms: number): void {
  const { now } = state.time;
  for (const client of state.leases.clients.values()) {
    client.lastContact = Math.min(now, client.lastContact + ms);
    client.absentSince = Math.min(now, client.absentSince + ms);
    if (client.recallSentAt >= 0) client.recallSentAt = Math.min(now, client.recallSentAt + ms);
  }
  for (const submitter of state.submitters.open) submitter.goneAt = Math.min(now, submitter.goneAt + ms);
}

/**
 * The client is given up: its tasks go to others. Only what ran, or may have begun since the last notice (its first unstarted
 * tasks, as many as it has slots), counts as lost: else one task that kills its clients would condemn all its neighbours.
 */
export function evict(state: CoreState, client: CoreClient): void {
  let maybe = Math.max(0, client.capacity.slots - client.running);
  for (const grant of [...client.grants.values()].sort((a, b) => a.id - b.id)) {
    for (const task of grant.tasks) {
      if (task === null) continue;
      if (task.state !== taskState.running && maybe-- <= 0) {
        state.giveBack(task);
        continue;
      }
      state.note('evicted', task, grant.attempt, client);
      const end = task.endWithoutResult(outcomeCode.lost, state.time.wall, state.waited(task, 0));
      end.attempt = grant.attempt;
      if (task.losses + 1 >= state.options.maxLosses) state.end(task, end);
      else state.again(task, end, 0);
    }
  }
  if (client.connection !== null) {
    const error = new MillraceError('ERR_CONNECTION_CLOSED', 'the client was silent for longer than evictAfter');
    state.turn.cut.push({ connection: client.connection, error });
    state.leases.byConnection.delete(client.connection);
    client.connection = null;
  }
  client.phase = 'absent';
  leave(state, client);
}

function leave(state: CoreState, client: CoreClient): void {
  state.leases.forget(client);
  state.turn.left.push(client.id);
}
