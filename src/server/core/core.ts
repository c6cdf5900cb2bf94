/**
 * The server's core: a state machine without I/O or clocks. `handle` takes what happened, `endTurn` gives what is to be written
 * and, after that is durable, sent. It mutates: effects carry lists, a task costs 0.15-0.25 µs so, 2.1 µs with copies.
 *
 * Run: `running` until all is done, or `stop`: `draining` (clients finish what runs and leave) or `killing` (they stop at
 * once and give everything back); then `finished`, when no connected client holds anything any more.
 */
import { MillraceError } from '../../base/errors.ts';
import type { Recovery } from '../../store/store.ts';
import { taskState } from '../../task/state.ts';
import type { TaskAttributes } from '../../task/task.ts';
import { cancel } from './cancel.ts';
import { type Census, census, numbersIn } from './census.ts';
import { change } from './changes.ts';
import { checkState } from './check.ts';
import { CoreClient, CoreTask, type Instant } from './entities.ts';
import type { CoreEvent, CoreOptions, NoteName, Turn } from './events.ts';
import { type Fence, strictFence } from './fence.ts';
import { closeSubmitter, openSubmitter, submit, writeMoved } from './intake.ts';
import { recognize } from './isolate.ts';
import type { LimitUnit } from './kind.ts';
import { checkEvery, failEarly, finishRun, goneSubmitters, stop } from './run.ts';
import { recallMayCome, recallTimeout, schedule, takePace } from './schedule.ts';
import { CoreState } from './state.ts';
import { bye, connect, disconnect, evict, forgiveSilence, givenBack, results, resume, started } from './work.ts';

/** Once a recall may become due, how soon to look again (ms). */
const recallCheck = 60;

export class ServerCore {
  readonly #state: CoreState;

  constructor(options: CoreOptions, recovery: Recovery, time: Instant, fence: Fence = strictFence) {
    const state = new CoreState(options, recovery, time, fence);
    this.#state = state;
    for (const row of recovery.clients) {
      const client = new CoreClient(row.n, row.id, row.host, { slots: 1, cores: null, memory: null, resources: {}, tags: {} }, time.now);
      // It went with the server that it was joined to: there is nobody to wait for longer than for a broken connection.
      client.sawClose = row.joined ?? false;
      state.leases.clients.set(row.id, client);
    }
    const byNumber = new Map([...state.leases.clients.values()].map((client) => [client.n, client]));
    for (const { id, client: n, attempt, tasks } of recovery.grants) {
      const client = byNumber.get(n);
      if (client === undefined) throw new MillraceError('ERR_DATABASE', `grant ${id} belongs to an unknown client ${n}`);
      const held = tasks.map((row) => new CoreTask({ ...row, state: taskState.leased }, time));
      state.leases.recover({ id, client, attempt, tasks: held, out: 0 }, time.now);
      for (const task of held) state.tasks.set(task.n, task);
    }
    for (const client of [...state.leases.clients.values()]) {
      recognize(state, client);
      state.leases.forget(client);
    }
    for (const row of recovery.waiting) state.admit(row, true);
    for (const { id, sequence, receipts, open } of recovery.submitters) {
      const submitter = { id, open, connection: null, goneAt: time.now, sequence, receipts: [...receipts] as never };
      if (open) state.submitters.enter(submitter);
      else state.submitters.close(submitter, time.now, null);
    }
  }

  get counts(): CoreState['counts'] {
    return this.#state.counts;
  }

  get submitters(): CoreState['submitters'] {
    return this.#state.submitters;
  }

  get phase(): CoreState['phase'] {
    return this.#state.phase;
  }

  /** Tell which notes somebody listens to; the others are not made. */
  observe(name: NoteName, wanted: boolean): void {
    if (wanted) this.#state.observed.add(name);
    else this.#state.observed.delete(name);
  }

  handle(event: CoreEvent, time: Instant): void {
    const state = this.#state;
    state.time = time;
    switch (event.type) {
      case 'client-connected':
        connect(state, event);
        return;
      case 'disconnected':
        this.#disconnected(event.connection);
        return;
      case 'submitter-open':
        openSubmitter(state, event.connection, event.submitter);
        return;
      case 'submit':
        submit(state, event);
        return;
      case 'submitter-done':
        closeSubmitter(state, event.submitter, true);
        return;
      case 'cancel':
        cancel(state, event);
        return;
      case 'change':
        change(state, event);
        return;
      case 'parents':
        state.dependencies.answered(state, event.outcomes);
        return;
      case 'refilled':
        this.#refilled(event);
        return;
      case 'deaf':
        forgiveSilence(state, event.ms);
        return;
      case 'hold':
        state.holds.add(event.reason);
        return;
      case 'unhold':
        state.holds.delete(event.reason);
        return;
      case 'stop':
        stop(state, event.drain, { reason: 'stopped', error: null });
        return;
      case 'tick':
        this.#tick();
        return;
      default:
        this.#fromClient(event);
    }
  }

  /** Close the turn: schedule, see whether the run is over, and hand over what is to be done. */
  endTurn(time: Instant): Turn {
    const state = this.#state;
    state.time = time;
    failEarly(state);
    if (schedule(state)) state.lookBehind();
    for (const client of state.leases.unanswered.splice(0)) {
      takePace(client, time.now);
      // Its connection may have ended meanwhile.
      if (client.acknowledge < 0) continue;
      state.send(client.connection, ['ack', client.acknowledge]);
      client.acknowledge = -1;
    }
    if (state.leases.changed.size > 0) state.writes.grants.push(...state.leases.takeChanged());
    const { turn } = state;
    const counts = state.counts.take();
    if (counts !== null) state.writes.counts = counts;
    state.spill();
    if (state.phase === 'running') turn.refills = state.window.refills();
    finishRun(state);
    writeMoved(state);
    turn.finish = state.phase === 'finished' ? state.finish : null;
    return state.takeTurn();
  }

  /** The monotonic time at which a `tick` is due; null: none. */
  wakeAt(): number | null {
    const state = this.#state;
    let next = state.waiting.next ?? Number.POSITIVE_INFINITY;
    if (state.leases.clients.size > 0 || goneSubmitters(state)) next = Math.min(next, state.lastCheck + checkEvery(state.options));
    next = Math.min(next, state.limits.due);
    if (recallMayCome(state)) next = Math.min(next, state.time.now + recallCheck);
    return Number.isFinite(next) ? next : null;
  }

  /** States of tasks now, by count. */
  census(): Census {
    return census(this.#state);
  }

  /** Tasks that are ready, those of later groups too. */
  get ready(): number {
    return this.#state.window.total;
  }

  clients(): readonly CoreClient[] {
    return [...this.#state.leases.clients.values()];
  }

  /** The task if it is in memory. */
  task(n: number): CoreTask | null {
    return this.#state.tasks.get(n) ?? null;
  }

  /** The numbers of all tasks in memory that are in this state. */
  numbersIn(state: number): number[] {
    return numbersIn(this.#state, state);
  }

  /** How many tasks `change` events have changed so far. */
  get changes(): number {
    return this.#state.changes;
  }

  /** The units of limits that such a task shares. */
  limitUnits(attributes: TaskAttributes | null): readonly LimitUnit[] {
    return this.#state.limits.unitsOf(attributes, this.#state.time.now);
  }

  /** Whether it is to run alone, and waits for a client that holds nothing. */
  isHeldBack(n: number): boolean {
    const task = this.task(n);
    return task !== null && this.#state.window.suspects.has(task);
  }

  /** The parents that this task waits for, by number. */
  parents(n: number): readonly number[] {
    return this.#state.dependencies.open(n);
  }

  /** Groups of which a task failed for good, with its story. */
  get failedGroups(): ReadonlyMap<number, string> {
    return this.#state.failedGroups;
  }

  /** Later groups start although one failed. */
  get passesFailures(): boolean {
    return this.#state.options.continueOnFailure;
  }

  /** Why nothing is granted although something is ready: the reasons, in words. */
  holds(): readonly string[] {
    return [...this.#state.holds];
  }

  /** Verify every cross-index; throws with what is wrong. For tests and the simulation, after each step. */
  check(): void {
    checkState(this.#state);
  }

  #fromClient(event: Extract<CoreEvent, { type: 'contact' | 'resume' | 'want' | 'started' | 'results' | 'given-back' | 'bye' }>): void {
    const state = this.#state;
    const client = state.leases.byConnection.get(event.connection);
    if (client === undefined) return;
    client.lastContact = state.time.now;
    if (event.type === 'contact') return;
    state.leases.crowd.moved(client);
    try {
      if (event.type === 'resume') resume(state, client, event.held);
      else if (client.phase === 'greeting') throw new MillraceError('ERR_PROTOCOL', `${event.type} came before resume`);
      else if (event.type === 'started') started(state, client, event.grant, event.places);
      else if (event.type === 'results') results(state, client, event.sequence, event.bundles);
      else if (event.type === 'given-back') givenBack(state, client, event.given);
      else if (event.type === 'bye') bye(state, client);
      else if (event.sequence > client.wantSequence) {
        client.wantSequence = event.sequence;
        client.wanted = event.tasks;
        client.free = event.free;
      }
    } catch (thrown) {
      const error = MillraceError.from(thrown);
      if (error.code !== 'ERR_PROTOCOL') throw error;
      state.turn.cut.push({ connection: event.connection, error });
    }
  }

  #disconnected(connection: string): void {
    const state = this.#state;
    const client = state.leases.byConnection.get(connection);
    if (client !== undefined) disconnect(state, client);
    for (const submitter of state.submitters.open) {
      if (submitter.connection !== connection) continue;
      submitter.connection = null;
      submitter.goneAt = state.time.now;
    }
  }

  #refilled(event: Extract<CoreEvent, { type: 'refilled' }>): void {
    const state = this.#state;
    const ended = state.endedLately();
    const tasks: CoreTask[] = [];
    for (const row of event.rows) if (!ended?.has(row.n) && !state.tasks.has(row.n)) tasks.push(new CoreTask(row, state.time));
    for (const task of state.window.refilled(event.question, event.rows, tasks, state.time.now)) state.tasks.set(task.n, task);
  }

  #tick(): void {
    const state = this.#state;
    const { now } = state.time;
    for (let task = state.waiting.take(now); task !== null; task = state.waiting.take(now)) state.wake(task);
    if (now - state.lastCheck < checkEvery(state.options)) return;
    state.lastCheck = now;
    const { evictAfter, reconnectGrace } = state.options;
    for (const client of [...state.leases.clients.values()]) {
      if (client.connection === null) {
        if (now - client.absentSince >= (client.sawClose ? reconnectGrace : evictAfter)) evict(state, client);
      } else if (now - client.lastContact >= evictAfter) evict(state, client);
      else if (client.recallSentAt >= 0 && now - client.recallSentAt >= recallTimeout) {
        state.turn.cut.push({ connection: client.connection, error: new MillraceError('ERR_PROTOCOL', 'a recall was not answered') });
      }
    }
    for (const submitter of state.submitters.open) {
      if (submitter.connection === null && now - submitter.goneAt >= Math.min(reconnectGrace, evictAfter))
        closeSubmitter(state, submitter.id, false);
    }
  }
}
