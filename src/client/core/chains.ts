/**
 * Limits on tasks that share the value of a tag, as this client must keep them: the server may send it several tasks of one value ahead, and it
 * runs at most `concurrency` of them at a time, in the order in which they came. It asks nobody: who holds more than may run holds all of them.
 *
 * A task *claims* its units when it may begin, and leaves them when it has ended or will not run; until it can claim them it *waits* here, out of
 * the way of others.
 */
import type { ChainLimit } from '../../protocol/messages.ts';
import type { TagValue } from '../../task/task.ts';
import type { ChainUnit, HeldTask } from './lanes.ts';

export class Chains {
  #limits: readonly ChainLimit[] = [];
  /** By value, for each limit. */
  #units: Map<TagValue, ChainUnit>[] = [];
  #waiting = 0;

  /** Tasks that wait here. */
  get size(): number {
    return this.#waiting;
  }

  /** The server's limits. Returns the tasks that waited: they are to enter anew; `claimed`: those that run or may begin at any moment. */
  setLimits(limits: readonly ChainLimit[], claimed: () => Iterable<HeldTask>): HeldTask[] {
    if (JSON.stringify(limits) === JSON.stringify(this.#limits)) return [];
    const waiting = this.waiting();
    this.#limits = limits;
    this.#units = limits.map(() => new Map());
    this.#waiting = 0;
    for (const task of waiting) task.waits = false;
    for (const task of claimed()) this.#claim(task, this.#unitsOf(task));
    return waiting;
  }

  /** False: it may not begin yet and waits here. */
  enter(task: HeldTask): boolean {
    if (this.#limits.length === 0) return true;
    const units = this.#unitsOf(task);
    const full = units.find(({ room, waiting }) => room <= 0 || waiting.length > 0);
    if (full === undefined) {
      this.#claim(task, units);
      return true;
    }
    this.#wait(task, full);
    return false;
  }

  /** A task that had claimed its units has ended or will not run: those that may begin instead. */
  leave(task: HeldTask): HeldTask[] {
    const { claims } = task;
    if (claims === null) return [];
    task.claims = null;
    const next: HeldTask[] = [];
    for (const unit of claims) {
      unit.room++;
      this.#next(unit, next);
    }
    for (const unit of claims) {
      if (unit.waiting.length > 0 || unit.room < unit.concurrency) continue;
      // Under other limits another unit may go by its value by now.
      const units = this.#units[unit.limit];
      if (units?.get(unit.value) === unit) units.delete(unit.value);
    }
    return next;
  }

  /**
   * A task that waits for the units of `leader` and otherwise only for tasks of the same batch, `own` of each unit: calls of a batch run one after the
   * other, so it may go with them. It claims its units beyond what they have room for. Null: there is none.
   */
  follow(leader: HeldTask, own: Map<ChainUnit, number>, may: (task: HeldTask) => boolean): HeldTask | null {
    for (const unit of leader.claims ?? []) {
      while (unit.waiting[0]?.waits === false) unit.waiting.shift();
      const task = unit.waiting[0];
      if (task === undefined || !may(task)) continue;
      const units = this.#unitsOf(task);
      const free = (other: ChainUnit): boolean => other.room > 0 || (own.get(other) ?? 0) === other.concurrency - other.room;
      if (!units.every((other) => free(other) && (other === unit || other.waiting.length === 0))) continue;
      unit.waiting.shift();
      task.waits = false;
      this.#waiting--;
      this.#claim(task, units);
      return task;
    }
    return null;
  }

  /** A task that had claimed its units was not begun: it keeps them, or gives up what is beyond their room and waits. Those that may begin. */
  unbegun(task: HeldTask): HeldTask[] {
    const { claims } = task;
    if (claims === null) return [task];
    const first = (unit: ChainUnit): boolean => unit.room >= 0 && !unit.waiting.some(({ waits, order }) => waits && order < task.order);
    if (claims.every(first)) return [task];
    task.claims = null;
    for (const unit of claims) unit.room++;
    this.#wait(task, claims.find((unit) => !first(unit)) ?? claims[0]!);
    const next: HeldTask[] = [];
    for (const unit of claims) this.#next(unit, next);
    return next;
  }

  /** A task that waits here was dropped: it goes when its turn comes. */
  forget(task: HeldTask): void {
    task.waits = false;
    this.#waiting--;
  }

  /** Others wait for what this task has claimed. */
  isAwaited(task: HeldTask): boolean {
    return task.claims?.some(({ waiting }) => waiting.some(({ waits }) => waits)) ?? false;
  }

  /** All that wait. */
  waiting(): HeldTask[] {
    return this.#units.flatMap((units) => [...units.values()].flatMap((unit) => unit.waiting.filter(({ waits }) => waits)));
  }

  #next(unit: ChainUnit, next: HeldTask[]): void {
    while (unit.room > 0) {
      const task = unit.waiting.shift();
      if (task === undefined) return;
      if (!task.waits) continue;
      task.waits = false;
      this.#waiting--;
      const units = this.#unitsOf(task);
      const full = units.find(({ room }) => room <= 0);
      if (full !== undefined) {
        this.#wait(task, full);
        continue;
      }
      this.#claim(task, units);
      next.push(task);
    }
  }

  #wait(task: HeldTask, unit: ChainUnit): void {
    task.waits = true;
    let at = unit.waiting.length;
    while (at > 0 && unit.waiting[at - 1]!.order > task.order) at--;
    if (at === unit.waiting.length) unit.waiting.push(task);
    else unit.waiting.splice(at, 0, task);
    this.#waiting++;
  }

  #claim(task: HeldTask, units: readonly ChainUnit[]): void {
    task.claims = units.length === 0 ? null : units;
    for (const unit of units) unit.room--;
  }

  #unitsOf(task: HeldTask): ChainUnit[] {
    const tags = task.attributes?.tags;
    const units: ChainUnit[] = [];
    if (tags === undefined) return units;
    for (let limit = 0; limit < this.#limits.length; limit++) {
      const [key, concurrency] = this.#limits[limit]!;
      const value = tags[key];
      if (value === undefined) continue;
      const known = this.#units[limit]!;
      let unit = known.get(value);
      if (unit === undefined) {
        unit = { limit, value, concurrency, room: concurrency, waiting: [] };
        known.set(value, unit);
      }
      units.push(unit);
    }
    return units;
  }
}
