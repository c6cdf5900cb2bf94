/** Submission: bundles become tasks, once, whatever is sent twice; and what counts as a submitter that still lives. */
import { MillraceError } from '../../base/errors.ts';
import { mostInFlight } from '../../source/bundler.ts';
import { newTaskRow } from '../../store/new-task.ts';
import { rejection, resolveParents } from '../../store/parents.ts';
import type { StoredTask } from '../../store/store.ts';
import { libraryError, outcomeCode } from '../../task/result.ts';
import { taskState } from '../../task/state.ts';
import type { TaskAttributes, WireTask } from '../../task/task.ts';
import { unholdable } from './demand.ts';
import { CoreTask } from './entities.ts';
import type { CoreEvent } from './events.ts';
import type { CoreState } from './state.ts';
import type { Receipt, Submitter } from './submitters.ts';

export function openSubmitter(state: CoreState, connection: string, id: string): Submitter {
  let submitter = state.submitters.get(id);
  if (submitter === undefined) {
    submitter = { id, open: false, connection, goneAt: 0, sequence: 0, receipts: [] };
  }
  if (!submitter.open) state.moved.add(submitter);
  state.submitters.enter(submitter);
  state.submitters.openings++;
  submitter.connection = connection;
  return submitter;
}

/** `done`: it said so itself; else its connection is gone for too long. */
export function closeSubmitter(state: CoreState, id: string, done: boolean): void {
  const submitter = state.submitters.get(id);
  if (submitter?.open !== true) return;
  state.moved.add(submitter);
  state.submitters.close(submitter, state.time.now, done ? state.options.evictAfter : null);
}

/**
 * That submitters opened and closed is written with whatever else is, or when the run ends: a transaction for it alone would
 * cost every `run()` of a single task a second wait for the disk. If it is lost, a restarted run waits some seconds for nothing.
 */
export function writeMoved(state: CoreState): void {
  if (state.turn.writes === null && (state.phase !== 'finished' || state.moved.size === 0)) return;
  for (const submitter of state.moved) writeSubmitter(state, submitter);
  state.moved.clear();
  const forgotten = state.submitters.takeForgotten();
  if (forgotten.length > 0) state.writes.departed = forgotten;
}

function writeSubmitter(state: CoreState, { id, sequence, receipts, open }: Submitter): void {
  state.writes.submitters.push({ id, sequence, receipts: [...receipts], seenAt: state.time.wall, open });
}

export function submit(state: CoreState, event: Extract<CoreEvent, { type: 'submit' }>): void {
  const known = state.submitters.get(event.submitter);
  const repeated = known?.receipts.find(([sequence]) => sequence === event.sequence);
  if (known !== undefined && repeated !== undefined) {
    state.send(event.connection, ['submitted', known.id, event.sequence, repeated[1]]);
    return;
  }
  if (state.phase === 'finished') {
    const error = new MillraceError('ERR_ENDED', 'the run has ended; submit to a server that runs');
    state.turn.cut.push({ connection: event.connection, error });
    return;
  }
  // What an older connection still had under way must not take the submitter from its newer one.
  const submitter = known?.connection != null && known.open ? known : openSubmitter(state, event.connection, event.submitter);
  if (event.sequence !== submitter.sequence + 1) {
    const error = new MillraceError(
      'ERR_PROTOCOL',
      `bundle ${event.sequence} of submitter ${submitter.id} came when ${submitter.sequence + 1} was due`,
    );
    state.turn.cut.push({ connection: event.connection, error });
    return;
  }
  const receipt = accept(state, event);
  submitter.sequence = event.sequence;
  submitter.receipts.push([event.sequence, receipt]);
  // For bundles whose acknowledgement may have been lost: no more are in flight.
  if (submitter.receipts.length > mostInFlight) submitter.receipts.shift();
  // Many bundles of one submitter come in a turn: its row is written once, with what else is.
  state.moved.add(submitter);
  state.send(event.connection, ['submitted', submitter.id, submitter.sequence, receipt]);
}

function accept(state: CoreState, { tasks, known, parents }: Extract<CoreEvent, { type: 'submit' }>): Receipt {
  const submittedAt = state.submissionTime();
  const receipt: Receipt = { first: state.nextTask, submittedAt, count: 0, duplicates: [], rejected: 0 };
  const { writes } = state;
  const find = (id: string): number | undefined => state.lately.inserted(`id ${id}`) ?? parents?.get(id);
  for (let place = 0; place < tasks.length; place++) {
    const wire = resolveParents(withDefaults(state, tasks[place]!), find);
    const attributes = wire[3];
    const earlier = known?.get(place) ?? earlierInTurn(state, attributes);
    if (earlier !== undefined) {
      receipt.duplicates.push([place, earlier]);
      continue;
    }
    const n = state.nextTask++;
    if (attributes?.key !== undefined) state.lately.insert(`key ${attributes.key}`, n);
    if (attributes?.id !== undefined) state.lately.insert(`id ${attributes.id}`, n);
    const row = newTaskRow(n, submittedAt, wire, state.time.wall, state.limits.keys);
    // Not by push(): of a list that is empty V8 assumes numbers, and compiles this again for what is none.
    writes.tasks[writes.tasks.length] = row;
    receipt.count++;
    state.counts.accepted(row.group);
    const reason = rejection(row) ?? unholdable(state.options.onlyClients, attributes);
    if (reason !== null) {
      receipt.rejected++;
      reject(state, row, reason);
      continue;
    }
    state.admit(row);
    state.note('submitted', row, 0, null);
  }
  return receipt;
}

function reject(state: CoreState, row: StoredTask, reason: { code: string; message: string }): void {
  const task = new CoreTask(row, state.time);
  task.state = taskState.waiting;
  const error = libraryError(reason.code, reason.message);
  state.end(task, task.endWithoutResult(outcomeCode.rejected, state.time.wall, 0, { error }));
}

function earlierInTurn({ lately }: CoreState, attributes: TaskAttributes | null): number | undefined {
  if (attributes === null) return undefined;
  const { key, id } = attributes;
  return (key === undefined ? undefined : lately.inserted(`key ${key}`)) ?? (id === undefined ? undefined : lately.inserted(`id ${id}`));
}

function withDefaults(state: CoreState, wire: WireTask): WireTask {
  const { taskCores, taskMemory, taskTimeout } = state.options;
  if (taskCores === null && taskMemory === null && taskTimeout === null) return wire;
  const attributes: TaskAttributes = { ...wire[3] };
  if (taskCores !== null) attributes.cores ??= taskCores;
  if (taskMemory !== null) attributes.memory ??= taskMemory;
  if (taskTimeout !== null) attributes.timeout ??= taskTimeout;
  return [wire[0], wire[1], wire[2], attributes];
}
