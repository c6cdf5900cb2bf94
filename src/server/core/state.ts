/**
 * What the server's core remembers, and the moves of a task that more than one event leads to: made ready, given back, ended.
 * The modules beside this one each handle one conversation on this state; `core.ts` joins them.
 */
import { NumberMap } from '../../base/number-map.ts';
import { emptyWrites } from '../../store/empty-writes.ts';
import type { AttemptEnd, Recovery, Reopened, StoredTask, Writes } from '../../store/store.ts';
import { rankOf } from '../../task/rank.ts';
import { failureCodes, outcomeCode } from '../../task/result.ts';
import { enter, taskState } from '../../task/state.ts';
import type { WireTask } from '../../task/task.ts';
import { Counts } from './counts.ts';
import { Dependencies } from './dependencies.ts';
import { type CoreClient, CoreTask, type Instant } from './entities.ts';
import type { CoreOptions, Finish, NoteName, Turn } from './events.ts';
import type { Fence } from './fence.ts';
import { Lately } from './lately.ts';
import { Leases } from './leases.ts';
import { Limits } from './limits.ts';
import { repeat } from './repeat.ts';
import { failureStory } from './stories.ts';
import { type Submitter, Submitters } from './submitters.ts';
import { Suspects } from './suspects.ts';
import { Waiting } from './waiting.ts';
import { ReadyWindow } from './window.ts';

/** `running` → (`draining` | `killing`) → `finished`; the reason is kept for the end. */
export type RunPhase = 'running' | 'draining' | 'killing' | 'finished';

export class CoreState {
  readonly options: CoreOptions;
  readonly fence: Fence;
  readonly tasks: NumberMap<CoreTask> = new NumberMap();
  readonly window: ReadyWindow;
  readonly waiting: Waiting = new Waiting();
  readonly dependencies: Dependencies = new Dependencies();
  readonly limits: Limits;
  readonly leases: Leases;
  readonly counts: Counts;
  readonly submitters: Submitters = new Submitters();
  /** Submitters that opened or closed since their rows were written. */
  readonly moved: Set<Submitter> = new Set();
  /** Reasons not to grant, in words: paused by the user, a host or a file that takes what is recorded too slowly. */
  readonly holds: Set<string> = new Set();
  /** Which notes somebody listens to. */
  readonly observed: Set<NoteName> = new Set();
  phase: RunPhase = 'running';
  finish: Finish | null = null;
  readonly lately: Lately = new Lately();
  /** New attributes of tasks that are leased: they hold once the task stands in the queue again. */
  readonly retagged: Map<number, WireTask> = new Map();
  /** Tasks that changes have changed so far. */
  changes = 0;
  /** The first task of each group that failed for good. */
  readonly failedGroups: Map<number, string> = new Map();
  nextTask: number;
  nextClient: number;
  lastSubmittedAt = 0;
  lastCheck = 0;
  /** Before that nobody is looked at for a recall. */
  recallFrom = 0;
  turn: Turn;
  time: Instant;
  readonly #salt: string;

  constructor(options: CoreOptions, recovery: Recovery, time: Instant, fence: Fence) {
    this.options = options;
    this.fence = fence;
    this.time = time;
    this.limits = new Limits(options.limits);
    this.window = new ReadyWindow(options.window, recovery.ready, this.limits, new Suspects(options.maxLosses));
    this.leases = new Leases(recovery.epoch, this.limits);
    this.counts = new Counts(recovery.counts);
    for (const [group, story] of Object.entries(recovery.counts.failed ?? {})) this.failedGroups.set(Number(group), story);
    this.#salt = recovery.salt;
    this.nextTask = recovery.nextTask;
    this.nextClient = recovery.nextClient;
    this.turn = emptyTurn();
  }

  get writes(): Writes {
    this.turn.writes ??= emptyWrites();
    return this.turn.writes;
  }

  send(connection: string | null, message: Turn['sends'][number]['message']): void {
    if (connection !== null) this.turn.sends.push({ connection, message });
  }

  note(name: NoteName, task: CoreTask | StoredTask, attempt: number, client: CoreClient | null): void {
    if (!this.observed.has(name)) return;
    const [, , , attributes] = 'wire' in task ? task.wire : task.task;
    this.turn.notes.push({ name, n: task.n, submittedAt: task.submittedAt, attempt, clientId: client?.id ?? null, id: attributes?.id });
  }

  /** Take a task of the store into memory and let it wait or stand ready. `known`: it is not new. */
  admit(row: StoredTask, known = false): void {
    if (row.state === taskState.ready && this.window.leaves(row)) return;
    const task = new CoreTask(row, this.time);
    if (task.state !== taskState.waiting) {
      if (this.window.add(task, this.time.now)) this.tasks.set(task.n, task);
      return;
    }
    this.tasks.set(task.n, task);
    this.#wait(task);
    if (task.attributes?.parents !== undefined) this.dependencies.register(this, task, known);
    else if (task.readyAt === null) this.#makeReady(task);
  }

  /** Leased or running → ready, with nothing of the attempt recorded: it never ran, or its client says that it will not. */
  giveBack(task: CoreTask): void {
    if (task.state === taskState.leased && task.kind.units.length > 0) this.limits.refund(task.kind);
    this.leases.release(task, task.state === taskState.running, true);
    this.#makeReady(task);
  }

  /** An attempt ended and the task goes on: history, then ready or, with a delay, waiting. */
  again(task: CoreTask, attempt: AttemptEnd, delay: number): void {
    const retried = attempt.outcome !== outcomeCode.lost;
    this.leases.release(task, task.state === taskState.running, true);
    this.writes.attempts.push(attempt);
    task.attempts = attempt.attempt;
    if (!retried) task.losses++;
    else task.rank = rankOf(task.attributes?.priority ?? 0, true, this.options.eager);
    this.counts.retry();
    if (delay > 0) {
      task.readyAt = this.time.wall + delay;
      enter(task, taskState.waiting);
      this.writes.moves.push(task.move());
      this.#wait(task);
    } else this.#makeReady(task);
  }

  /** Waiting → ready: its time has come, or the last task that it depends on has ended. */
  wake(task: CoreTask): void {
    task.readyAt = null;
    if (!this.dependencies.holds(task.n)) this.#makeReady(task);
  }

  /** The same task, not leased, in another object: its attributes are others, or it no longer waits for its time. */
  replace(task: CoreTask, changes: Partial<Pick<StoredTask, 'task' | 'lane' | 'readyAt'>>): CoreTask {
    const { n, submittedAt, wire, accepted } = task;
    const copy = new CoreTask({ submittedAt, task: wire, lane: task.storedLane, ...task.move(), ...changes }, accepted);
    if (task.state === taskState.ready) {
      const sameKind = this.limits.kindOf(copy.attributes, this.time.now) === task.kind;
      if (sameKind && this.window.tiers.swap(task, copy)) this.tasks.set(n, copy);
      else {
        this.window.remove(task);
        this.tasks.delete(n);
        if (this.window.add(copy, this.time.now)) this.tasks.set(n, copy);
      }
    } else {
      if (task.readyAt !== null) this.waiting.drop();
      this.tasks.set(n, copy);
      this.dependencies.replace(copy);
      this.#wait(copy);
    }
    // What still points to the old object finds it ended.
    task.state = taskState.done;
    return copy;
  }

  /** Done → queued, as `row` says. */
  reopen(row: StoredTask, forget: boolean, outcome: number): void {
    const { n, group, rank, state, attempts, losses, readyAt } = row;
    const reopened: Reopened = { n, group, rank, state, attempts, losses, readyAt, forget };
    this.lately.reopened.set(n, reopened);
    this.writes.reopened.push(reopened);
    this.counts.reopened(group, outcome);
    this.#mend(group);
    this.admit(row, true);
  }

  /** A task that is done is deleted. */
  remove(n: number, group: number, outcome: number): void {
    this.lately.removed.add(n);
    this.writes.removed.push(n);
    this.counts.removed(group, outcome);
    this.#mend(group);
  }

  /** Ids are ordered: the clock may be set back, the numbers may not. */
  submissionTime(): number {
    this.lastSubmittedAt = Math.max(this.time.wall, this.lastSubmittedAt);
    return this.lastSubmittedAt;
  }

  /** The end of a task, from any state. */
  end(task: CoreTask, end: AttemptEnd): void {
    if (task.state === taskState.ready) this.window.remove(task);
    else if (task.state === taskState.waiting && task.readyAt !== null && this.tasks.get(task.n) === task) this.waiting.drop();
    if (task.grant !== null) this.leases.release(task, task.state === taskState.running, false);
    enter(task, taskState.done);
    task.attempts = end.attempt;
    this.tasks.delete(task.n);
    this.writes.ends.push(end);
    this.turn.ended.push(task);
    this.counts.ended(task.group, end.outcome);
    if (failureCodes.has(end.outcome) && !this.failedGroups.has(task.group)) {
      const story = failureStory(task, end, this.#salt);
      this.failedGroups.set(task.group, story);
      this.counts.failedGroup(task.group, story);
    }
    if (task.attributes?.cron !== undefined) repeat(this, task, end.outcome);
    if (this.retagged.size > 0) this.retagged.delete(task.n);
    if (this.dependencies.idle) return;
    this.dependencies.forget(task.n);
    this.dependencies.ended(this, task.n, end.outcome);
  }

  /** ms from its acceptance to the notice of its start. */
  waited(task: CoreTask, durationMs: number): number {
    return Math.max(0, (task.started?.now ?? this.time.now - durationMs) - task.accepted.now);
  }

  /** What has ended, though a store that answers now may not know it: in this turn, or in the last one while its commit is under way. */
  endedLately(): ReadonlySet<number> | null {
    return this.lately.ended(this.turn.ended);
  }

  /** Tasks that the window does not hold any more: only the store knows them. */
  spill(): void {
    for (const task of this.window.spill()) this.tasks.delete(task.n);
  }

  /** Clients idle and what is in memory is not for them: make way for what is behind it. */
  lookBehind(): void {
    for (const task of this.window.detach()) this.tasks.delete(task.n);
  }

  /** Hand the turn over and open the next one. One turn is committed at a time, so what the last but one wrote is in the store. */
  takeTurn(): Turn {
    const { turn } = this;
    this.turn = emptyTurn();
    this.lately.turn(turn.ended);
    return turn;
  }

  #makeReady(found: CoreTask): void {
    const task = this.retagged.size > 0 ? this.#retag(found) : found;
    enter(task, taskState.ready);
    this.#moved(task);
    if (this.window.add(task, this.time.now)) this.tasks.set(task.n, task);
    else this.tasks.delete(task.n);
  }

  /** What is queued again in this very turn is written as it stands at its end: moves come before that in a transaction. */
  #moved(task: CoreTask): void {
    const move = task.move();
    this.writes.moves.push(move);
    const reopened = this.lately.reopened.get(task.n);
    if (reopened !== undefined) Object.assign(reopened, move);
  }

  /** The task with the attributes that it was given while it was leased. */
  #retag(task: CoreTask): CoreTask {
    const wire = this.retagged.get(task.n);
    if (wire === undefined) return task;
    this.retagged.delete(task.n);
    const { submittedAt, accepted } = task;
    return new CoreTask({ submittedAt, task: wire, lane: task.storedLane, ...task.move() }, accepted);
  }

  /** The failed tasks of a group were all queued again or deleted: it is a failed group no more. */
  #mend(group: number): void {
    if (!this.counts.isFailed(group)) this.failedGroups.delete(group);
  }

  #wait(task: CoreTask): void {
    if (task.readyAt !== null) this.waiting.add(task, this.time.now + Math.max(0, task.readyAt - this.time.wall));
  }
}

/** A turn in which nothing has happened yet. */
function emptyTurn(): Turn {
  return { writes: null, sends: [], cut: [], ended: [], notes: [], joined: [], left: [], lookups: [], refills: [], finish: null };
}
