/** The life of a run: when it is over, how it is stopped, and which failures stop it. */
import { MillraceError } from '../../base/errors.ts';
import type { CoreOptions, Finish } from './events.ts';
import type { CoreState } from './state.ts';

/** Ask all clients to end: `drain` lets them finish what runs; else they stop it and give it back. Repeated calls only sharpen. */
export function stop(state: CoreState, drain: boolean, finish: Finish): void {
  if (state.phase === 'finished' || state.phase === 'killing' || (drain && state.phase === 'draining')) return;
  state.phase = drain ? 'draining' : 'killing';
  state.finish ??= finish;
  for (const client of state.leases.clients.values()) {
    if (client.phase !== 'present' && client.phase !== 'leaving') continue;
    client.phase = 'leaving';
    state.leases.crowd.moved(client);
    state.send(client.connection, drain ? ['drain'] : ['end', 'stopped']);
  }
}

/** Failures that end the run: the first at all with `failFast`; else one of a group that later groups wait for. */
export function failEarly(state: CoreState): void {
  if (state.phase !== 'running') return;
  const { failFast, continueOnFailure, foreverMode } = state.options;
  if (failFast && state.counts.failedTasks > 0) {
    stop(state, false, { reason: 'failed', error: null });
    return;
  }
  if (continueOnFailure || foreverMode || state.failedGroups.size === 0) return;
  const active = state.counts.activeGroup;
  for (const [group, story] of state.failedGroups) {
    if (active === null || group >= active) continue;
    const message = `group ${group} failed, so group ${active} was not started (continueOnFailure: true starts it all the same): ${story}`;
    stop(state, false, { reason: 'failed', error: new MillraceError('ERR_GROUP_FAILED', message, { details: { group } }) });
    return;
  }
}

/** Enter `finished` when the run is over. */
export function finishRun(state: CoreState): void {
  if (state.phase === 'running') {
    const { foreverMode, restartMode, expectSource } = state.options;
    if (foreverMode || state.counts.pending > 0 || state.submitters.open.size > 0) return;
    if (state.submitters.openings === 0 && (expectSource || !restartMode)) return;
    state.phase = 'finished';
    state.finish = { reason: 'complete', error: null };
  } else if (state.phase !== 'finished') {
    if (state.leases.awaited !== null) return;
    state.phase = 'finished';
  }
}

/** Whether a submitter is open whose connection is gone: it has `reconnectGrace` to come back, also to a server that was started again. */
export function goneSubmitters(state: CoreState): boolean {
  for (const submitter of state.submitters.open) if (submitter.connection === null) return true;
  return false;
}

/** How often to look who is silent or gone (ms). */
export function checkEvery({ evictAfter, reconnectGrace }: CoreOptions): number {
  return Math.min(1000, evictAfter / 8, Math.max(50, reconnectGrace / 4));
}
