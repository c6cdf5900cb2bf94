/**
 * What the server's core remembers, and the moves of a task that more than one event leads to: made ready, given back, ended.
 * The modules beside this one each handle one conversation on this state; `core.ts` joins them.
 */
import type { AttemptEnd, Recovery, StoredTask, Writes } from '../../store/store.ts';
import { rankOf } from '../../task/rank.ts';
import { outcomeCode } from '../../task/result.ts';
import { enter, taskState } from '../../task/state.ts';
import { Counts } from './counts.ts';
import { type CoreClient, CoreTask } from './entities.ts';
import type { CoreOptions, Finish, Instant, NoteName, Turn } from './events.ts';
import type { Fence } from './fence.ts';
import { Leases } from './leases.ts';
import { Waiting } from './waiting.ts';
import { ReadyWindow } from './window.ts';

export interface Submitter {
  readonly id: string;
  open: boolean;
  connection: string | null;
  /** Monotonic: since when its connection is gone. */
  goneAt: number;
  sequence: number;
  receipts: [sequence: number, receipt: Receipt][];
}

export interface Receipt {
  first: number;
  submittedAt: number;
  count: number;
  duplicates: (readonly [place: number, n: number])[];
  rejected: number;
}

/** `running` → (`draining` | `killing`) → `finished`; the reason is kept for the end. */
export type RunPhase = 'running' | 'draining' | 'killing' | 'finished';

export class CoreState {
  readonly options: CoreOptions;
  readonly fence: Fence;
  readonly tasks: Map<number, CoreTask> = new Map();
  readonly window: ReadyWindow;
  readonly waiting: Waiting = new Waiting();
  readonly leases: Leases;
  readonly counts: Counts;
  readonly submitters: Map<string, Submitter> = new Map();
  /** Reasons not to grant: paused by the user, a host that reads results slowly, a failed group. */
  readonly holds: Set<string> = new Set();
  /** Which notes somebody listens to. */
  readonly observed: Set<NoteName> = new Set();
  phase: RunPhase = 'running';
  finish: Finish | null = null;
  firstSubmission = false;
  /** Keys and ids of users that this turn, and the one before it, inserted: the store may not know them yet. */
  turnKeys: Map<string, number> = new Map();
  lastKeys: Map<string, number> = new Map();
  /** What the turn before ended: the store may not know it yet. */
  lastEnded: readonly CoreTask[] = [];
  /** The first task of each group that failed for good. */
  readonly failedGroups: Map<number, string> = new Map();
  nextTask: number;
  nextClient: number;
  lastSubmittedAt = 0;
  lastCheck = 0;
  turn: Turn;
  time: Instant;

  constructor(options: CoreOptions, recovery: Recovery, time: Instant, fence: Fence) {
    this.options = options;
    this.fence = fence;
    this.time = time;
    this.window = new ReadyWindow(options.window, recovery.ready);
    this.leases = new Leases(recovery.epoch);
    this.counts = new Counts(recovery.counts);
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

  note(name: NoteName, task: Pick<StoredTask, 'n' | 'submittedAt'>, attempt: number, client: CoreClient | null): void {
    if (!this.observed.has(name)) return;
    this.turn.notes.push({ name, n: task.n, submittedAt: task.submittedAt, attempt, clientId: client?.id ?? null });
  }

  /** Take a task of the store into memory and let it wait or stand ready. */
  admit(row: StoredTask): void {
    if (row.state === taskState.ready && this.window.leaves(row)) return;
    const task = new CoreTask(row, this.time.now);
    if (task.state === taskState.waiting) {
      this.tasks.set(task.n, task);
      this.#wait(task);
    } else if (this.window.add(task)) this.tasks.set(task.n, task);
  }

  /** Leased or running → ready, with nothing of the attempt recorded: it never ran, or its client says that it will not. */
  giveBack(task: CoreTask): void {
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

  /** Waiting → ready: its time has come. */
  wake(task: CoreTask): void {
    task.readyAt = null;
    this.#makeReady(task);
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
    if (end.outcome !== outcomeCode.succeeded && end.outcome !== outcomeCode.cancelled && !this.failedGroups.has(task.group)) {
      this.failedGroups.set(task.group, task.story());
    }
  }

  /** ms from its acceptance to the notice of its start. */
  waited(task: CoreTask, durationMs: number): number {
    return Math.max(0, (task.startedAt >= 0 ? task.startedAt : this.time.now - durationMs) - task.acceptedAt);
  }

  /** What has ended, though a store that answers now may not know it: in this turn, or in the last one while its commit is under way. */
  endedLately(): Set<number> | null {
    if (this.turn.ended.length === 0 && this.lastEnded.length === 0) return null;
    const numbers = new Set<number>();
    for (const task of this.turn.ended) numbers.add(task.n);
    for (const task of this.lastEnded) numbers.add(task.n);
    return numbers;
  }

  /** Tasks that the window does not hold any more: only the store knows them. */
  spill(): void {
    for (const task of this.window.spill()) this.tasks.delete(task.n);
  }

  /** Hand the turn over and open the next one. One turn is committed at a time, so what the last but one wrote is in the store. */
  takeTurn(): Turn {
    const { turn } = this;
    this.turn = emptyTurn();
    this.lastEnded = turn.ended;
    if (this.turnKeys.size > 0 || this.lastKeys.size > 0) {
      this.lastKeys = this.turnKeys;
      this.turnKeys = new Map();
    }
    return turn;
  }

  #makeReady(task: CoreTask): void {
    enter(task, taskState.ready);
    this.writes.moves.push(task.move());
    if (this.window.add(task)) this.tasks.set(task.n, task);
    else this.tasks.delete(task.n);
  }

  #wait(task: CoreTask): void {
    if (task.readyAt !== null) this.waiting.add(task, this.time.now + Math.max(0, task.readyAt - this.time.wall));
  }
}

function emptyWrites(): Writes {
  return {
    tasks: [],
    clients: [],
    grants: [],
    moves: [],
    attempts: [],
    ends: [],
    reopened: [],
    changed: [],
    removed: [],
    submitters: [],
    counts: null,
  };
}

function emptyTurn(): Turn {
  return { writes: null, sends: [], cut: [], ended: [], notes: [], joined: [], left: [], refill: null, finish: null };
}
