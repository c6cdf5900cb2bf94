/**
 * The ready window: the part of the queue that is held in memory, in queue order (group, rank, number).
 *
 * Invariant: with a frontier F, every ready task up to F is in the window (or leased, or a suspect) and every ready task after F is in the store
 * only; without one, all ready tasks are here. So a queue of millions costs the memory of some thousands; the store is asked only for what follows F.
 *
 * What nobody can take must not hide what stands behind it. When a client has a free slot, nothing of the window is for it and the store has more,
 * the kinds of tasks that fill the window are *detached*: each keeps a few tasks here, up to a frontier of its own, its tail is left to the
 * store, and F goes on without them. A detached kind is asked for by its lane when it runs low, and belongs to the others again when nothing
 * of it is left in the store. Lanes are stored as they were when their tasks were accepted. A task of a detached kind that stands under another
 * lane is *astray*: when its kind is asked for, F goes back to where it was passed over, and what is in memory already is left out.
 */
import type { QueueKey, StoredTask } from '../../store/store.ts';
import type { CoreTask } from './entities.ts';
import { keyOf, questionAfter, type Refill, start, strayed } from './frontier.ts';
import type { LaneKind } from './kind.ts';
import type { Lane } from './lane.ts';
import type { Limits } from './limits.ts';
import { before } from './order.ts';
import type { Suspects } from './suspects.ts';
import { Tiers } from './tiers.ts';

export interface WindowLimits {
  /** Tasks in memory before further ones stay in the store. */
  tasks: number;
  /** Estimated bytes likewise. */
  bytes: number;
}

/** Detached kinds that are asked for in one turn. */
const mostQuestions = 32;

export class ReadyWindow {
  readonly tiers: Tiers = new Tiers();
  /** Ready tasks that were held back: they are of the window no more. */
  readonly suspects: Suspects;
  readonly #limits: Limits;
  readonly #bounds: WindowLimits;
  #frontier: QueueKey | null = null;
  #stored: number;
  /** What came to stand beyond the frontier since the store was asked: its answer may lack it. Null: nothing was asked. */
  #late: CoreTask[] | null = null;
  readonly #detached: Set<LaneKind> = new Set();
  /** The same for each detached kind that was asked for. */
  readonly #lateOf: Map<LaneKind, CoreTask[]> = new Map();
  /** Detached kinds that run low while the store may have more of them. */
  readonly #low: Set<LaneKind> = new Set();
  /** Tasks of a detached kind that stay here. */
  #keep = 1;

  /** `stored`: ready tasks that only the store knows. */
  constructor(bounds: WindowLimits, stored: number, limits: Limits, suspects: Suspects) {
    this.suspects = suspects;
    this.#bounds = bounds;
    this.#stored = stored;
    this.#limits = limits;
    if (stored > 0) this.#frontier = start;
  }

  get size(): number {
    return this.tiers.size;
  }

  /** Ready tasks in memory and in the store. */
  get total(): number {
    return this.size + this.suspects.size + this.#stored;
  }

  get stored(): number {
    return this.#stored;
  }

  /** Take in a ready task; false: it stays in the store only. */
  add(task: CoreTask, now: number): boolean {
    if (this.suspects.holdBack(task)) return true;
    const kind = this.#limits.kindOf(task.attributes, now);
    if (kind.detached) {
      if (kind.frontier === null && kind.size >= this.#keep * 2) kind.frontier = keyOf(this.tiers.lanesOf(kind)[0]!.last!);
    } else if (this.#frontier === null && this.#isOver(1)) {
      const { last } = this.tiers;
      if (last !== null) this.#frontier = keyOf(last);
    }
    const frontier = kind.detached ? kind.frontier : this.#frontier;
    if (frontier !== null && before(frontier, task)) {
      this.#stored++;
      if (!kind.detached) this.#late?.push(task);
      else {
        this.#lateOf.get(kind)?.push(task);
        strayed(kind, task);
      }
      return false;
    }
    this.tiers.insert(task, kind);
    return true;
  }

  /** Leave a ready task to the store without making anything of it, if it stands beyond the frontier: most of a long queue does. */
  leaves(key: QueueKey): boolean {
    if (this.#late !== null || this.#detached.size > 0 || this.covers(key)) return false;
    this.#stored++;
    return true;
  }

  /** Let go of the tail when tasks that go first have made the window twice as large as it should be; the tasks that stay in the store only. */
  spill(): CoreTask[] {
    const spilled: CoreTask[] = [];
    if (this.#late !== null || !this.#isOver(2)) return spilled;
    for (const tier of [...this.tiers.all].reverse()) {
      const order = [...tier.lanes.values()].flatMap((lane) => (lane.kind.detached ? [] : [...lane]));
      order.sort((a, b) => b.n - a.n);
      for (const task of order) {
        if (this.size <= 1 || !this.#isOver(1, 1)) break;
        this.tiers.remove(task);
        this.#frontier = { group: task.group, rank: task.rank, n: task.n - 1 };
        spilled.push(task);
      }
      if (this.size <= 1 || !this.#isOver(1, 1)) break;
    }
    this.#stored += spilled.length;
    return spilled;
  }

  /** What nobody can take fills the window and hides what may be taken: leave the tails of its kinds to the store. The tasks that stay there only. */
  detach(): CoreTask[] {
    const left: CoreTask[] = [];
    if (this.#stored === 0 || this.#frontier === null || this.#late !== null || !this.#isOver(0.5, 1)) return left;
    const kinds = new Set<LaneKind>();
    for (const tier of this.tiers.all) for (const kind of tier.lanes.keys()) if (kind.text !== null) kinds.add(kind);
    this.#keep = Math.max(1, Math.floor(this.#bounds.tasks / 4 / Math.max(1, kinds.size)));
    const bytes = this.#bounds.bytes / 4 / Math.max(1, kinds.size);
    for (const kind of kinds) {
      if (this.#lateOf.has(kind)) continue;
      if (!kind.detached) {
        this.tiers.setDetached(kind, true);
        kind.frontier = this.#frontier;
        this.#detached.add(kind);
      }
      for (const lane of this.tiers.lanesOf(kind)) {
        while (kind.size > 1 && lane.size > 0 && (kind.size > this.#keep || kind.weight > bytes)) {
          const task = this.tiers.pop(lane);
          kind.frontier = { group: task.group, rank: task.rank, n: task.n - 1 };
          strayed(kind, task);
          left.push(task);
        }
      }
      this.#look(kind);
    }
    this.#stored += left.length;
    return left;
  }

  /** What to ask the store for, where the window runs low. */
  refills(): Refill[] {
    const questions: Refill[] = [];
    if (this.#stored === 0) return questions;
    for (const kind of this.#low) {
      if (questions.length === mostQuestions) break;
      if (kind.astray !== null) {
        if (this.#late !== null) continue;
        this.#goBack(kind.astray);
        kind.astray = null;
      }
      this.#low.delete(kind);
      if (kind.frontier === null) continue;
      this.#lateOf.set(kind, []);
      questions.push({ after: questionAfter(kind.frontier), limit: Math.max(1, this.#keep - kind.size), lanes: { only: kind.text! } });
    }
    if (this.#frontier === null || this.#late !== null || this.#isOver(0.5, 1)) return questions;
    this.#late = [];
    const except = [...this.#detached].map(({ text }) => text!);
    const limit = Math.max(1, this.#bounds.tasks - (this.size - this.tiers.detachedSize));
    questions.push({ after: questionAfter(this.#frontier), limit, lanes: except.length === 0 ? null : { except } });
    return questions;
  }

  /**
   * The store's answer to a question, in queue order; `tasks`: those of its rows that are not in memory. Returns what was taken in, also of what
   * came meanwhile and belongs before its end.
   */
  refilled(question: Refill, rows: readonly StoredTask[], tasks: readonly CoreTask[], now: number): CoreTask[] {
    const only = question.lanes?.only;
    const known = only === undefined ? undefined : this.#limits.kind(only);
    const asked = known !== undefined && this.#lateOf.has(known) ? known : null;
    const last = rows[rows.length - 1];
    const ended = last === undefined || rows.length < question.limit;
    const late = (only === undefined ? this.#late : asked === null ? null : this.#lateOf.get(asked)) ?? [];
    if (only === undefined) {
      this.#late = null;
      this.#frontier = ended ? null : keyOf(last);
    } else if (asked !== null) {
      this.#lateOf.delete(asked);
      asked.frontier = ended ? null : keyOf(last);
    }
    const numbers = late.length === 0 ? null : new Set(rows.map(({ n }) => n));
    const missed = late.filter((task) => !numbers?.has(task.n) && (ended || before(task, last)));
    const taken: CoreTask[] = [];
    for (const task of [...tasks, ...missed]) if (this.#take(task, only === undefined, now)) taken.push(task);
    this.#stored = Math.max(0, this.#stored - taken.length);
    if (asked !== null) this.#look(asked);
    this.#settle();
    return taken;
  }

  /** Ready tasks that only the store knew have ended (cancelled). */
  forgetStored(numbers: ReadonlySet<number>): void {
    if (numbers.size === 0) return;
    this.#stored = Math.max(0, this.#stored - numbers.size);
    const others = (late: CoreTask[]) => late.filter(({ n }) => !numbers.has(n));
    this.#late = this.#late && others(this.#late);
    for (const [kind, late] of this.#lateOf) this.#lateOf.set(kind, others(late));
    this.#settle();
  }

  /** No task of this group waits in the store only: what a client could not take of the window, nobody free can hold. */
  exhausted(group: number): boolean {
    return this.#stored === 0 || this.#frontier === null || this.#frontier.group > group;
  }

  /** Whether a ready task with this key would be in memory, were its kind not detached. */
  covers(key: QueueKey): boolean {
    return this.#frontier === null || !before(this.#frontier, key);
  }

  /** Take one out of the middle (cancelled). */
  remove(task: CoreTask): void {
    if (!this.suspects.remove(task) && this.tiers.remove(task)) this.#look(task.kind);
  }

  /** Tasks were taken from a lane. */
  took(lane: Lane): void {
    this.tiers.moved(lane);
    this.#look(lane.kind);
  }

  /** What is wrong with its indexes; for tests. */
  *problems(): Iterable<string> {
    for (const task of this) {
      const kind = this.#limits.kindOf(task.attributes, 0);
      if (task.kind !== kind) yield `${task.story()} stands with other tasks than its own`;
      if (kind.detached && !this.#detached.has(kind)) yield `lane ${kind.text} is detached, but the window does not know it`;
    }
    for (const kind of this.#detached) {
      if (!kind.detached || this.#limits.kind(kind.text!) !== kind) yield `lane ${kind.text} is not detached, but the window says so`;
      const unasked =
        kind.size === 0 && (kind.frontier !== null || kind.astray !== null) && !this.#lateOf.has(kind) && !this.#low.has(kind);
      if (unasked) yield `nothing of lane ${kind.text} is in memory, and the store is not asked for it`;
    }
    if (this.#frontier === null && this.#late === null && this.#detached.size === 0 && this.#stored > 0)
      yield `${this.#stored} tasks are hidden`;
    yield* this.tiers.problems();
  }

  [Symbol.iterator](): Iterator<CoreTask> {
    return this.tiers[Symbol.iterator]();
  }

  /** More is in memory, detached kinds aside, than so many times the bounds; `beyond`: at least by so many tasks. */
  #isOver(times: number, beyond = 0): boolean {
    const { size, weight, detachedSize, detachedWeight } = this.tiers;
    return size - detachedSize >= this.#bounds.tasks * times + beyond || weight - detachedWeight >= this.#bounds.bytes * times + beyond;
  }

  /** Take in a task of an answer; false: its kind is detached and it stands beyond its frontier. */
  #take(task: CoreTask, general: boolean, now: number): boolean {
    const kind = this.#limits.kindOf(task.attributes, now);
    if (general && kind.detached && kind.frontier !== null && before(kind.frontier, task)) {
      strayed(kind, task);
      return false;
    }
    this.tiers.insert(task, kind);
    return true;
  }

  /** Ask for a detached kind when it runs low. */
  #look(kind: LaneKind): void {
    if (!kind.detached || kind.size > this.#keep / 2 || this.#lateOf.has(kind)) return;
    if (kind.frontier !== null || kind.astray !== null) this.#low.add(kind);
  }

  #goBack({ group, rank, n }: QueueKey): void {
    const key = { group, rank, n: n - 1 };
    if (this.#frontier === null || before(key, this.#frontier)) this.#frontier = key;
  }

  /** Where nothing is left in the store, everything is here. */
  #settle(): void {
    const general = this.#frontier === null && this.#late === null;
    for (const kind of this.#detached) {
      if (this.#stored > 0 && (!general || kind.frontier !== null || kind.astray !== null || this.#lateOf.has(kind))) continue;
      this.tiers.setDetached(kind, false);
      kind.frontier = null;
      kind.astray = null;
      this.#lateOf.delete(kind);
      this.#detached.delete(kind);
      this.#low.delete(kind);
    }
    if (general && this.#detached.size === 0) this.#stored = 0;
    if (this.#stored === 0) this.#frontier = null;
  }
}
