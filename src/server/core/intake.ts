/** Submission: bundles become tasks, once, whatever is sent twice; and what counts as a submitter that still lives. */
import { MillraceError } from '../../base/errors.ts';
import { newTaskRow } from '../../store/new-task.ts';
import type { StoredTask } from '../../store/store.ts';
import { outcomeCode } from '../../task/result.ts';
import { taskState } from '../../task/state.ts';
import type { TaskAttributes, WireTask } from '../../task/task.ts';
import { CoreTask } from './entities.ts';
import type { CoreEvent } from './events.ts';
import type { CoreState, Receipt, Submitter } from './state.ts';

/** Receipts that are kept for bundles whose acknowledgement may have been lost: no more are in flight. */
const keptReceipts = 16;

export function openSubmitter(state: CoreState, connection: string, id: string): Submitter {
  let submitter = state.submitters.get(id);
  if (submitter === undefined) {
    submitter = { id, open: true, connection, goneAt: 0, sequence: 0, receipts: [] };
    state.submitters.set(id, submitter);
  }
  submitter.open = true;
  submitter.connection = connection;
  state.firstSubmission = true;
  return submitter;
}

export function closeSubmitter(state: CoreState, id: string): void {
  const submitter = state.submitters.get(id);
  if (submitter === undefined) return;
  submitter.open = false;
  submitter.connection = null;
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
  const receipt = accept(state, event.tasks, event.known);
  submitter.sequence = event.sequence;
  submitter.receipts.push([event.sequence, receipt]);
  if (submitter.receipts.length > keptReceipts) submitter.receipts.shift();
  const { id, sequence, receipts, open } = submitter;
  state.writes.submitters.push({ id, sequence, receipts: [...receipts], seenAt: state.time.wall, open });
  state.send(event.connection, ['submitted', id, sequence, receipt]);
}

function accept(state: CoreState, tasks: readonly WireTask[], known: ReadonlyMap<number, number> | null): Receipt {
  // Ids are ordered: the clock may be set back, the numbers may not.
  const submittedAt = Math.max(state.time.wall, state.lastSubmittedAt);
  state.lastSubmittedAt = submittedAt;
  const receipt: Receipt = { first: state.nextTask, submittedAt, count: 0, duplicates: [], rejected: 0 };
  const { writes } = state;
  for (let place = 0; place < tasks.length; place++) {
    const wire = withDefaults(state, tasks[place]!);
    const attributes = wire[3];
    const earlier = known?.get(place) ?? earlierInTurn(state, attributes);
    if (earlier !== undefined) {
      receipt.duplicates.push([place, earlier]);
      continue;
    }
    const n = state.nextTask++;
    if (attributes?.key !== undefined) state.turnKeys.set(`key ${attributes.key}`, n);
    if (attributes?.id !== undefined) state.turnKeys.set(`id ${attributes.id}`, n);
    const row = newTaskRow(n, submittedAt, wire, state.time.wall);
    writes.tasks.push(row);
    receipt.count++;
    state.counts.accepted(row.group);
    if (attributes?.rejected !== undefined) {
      receipt.rejected++;
      reject(state, row, attributes.rejected);
      continue;
    }
    state.admit(row);
    state.note('submitted', row, 0, null);
  }
  return receipt;
}

function reject(state: CoreState, row: StoredTask, reason: { code: string; message: string }): void {
  const task = new CoreTask(row, state.time.now);
  task.state = taskState.waiting;
  const error = { name: 'MillraceError', message: reason.message, code: reason.code, stack: null };
  state.end(task, task.endWithoutResult(outcomeCode.rejected, state.time.wall, 0, { error }));
}

function earlierInTurn(state: CoreState, attributes: TaskAttributes | null): number | undefined {
  if (attributes === null || (state.turnKeys.size === 0 && state.lastKeys.size === 0)) return undefined;
  const { key, id } = attributes;
  return (key === undefined ? undefined : inserted(state, `key ${key}`)) ?? (id === undefined ? undefined : inserted(state, `id ${id}`));
}

function inserted(state: CoreState, name: string): number | undefined {
  return state.turnKeys.get(name) ?? state.lastKeys.get(name);
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
