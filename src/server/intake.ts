/**
 * Bundles on their way into the core. Keys and ids of users, and the tasks that others depend on, are looked up in the store first, outside of the core; later bundles of
 * the same sender wait for that, so that order is kept.
 */
import { MillraceError } from '../base/errors.ts';
import type { Submit } from '../protocol/messages.ts';
import { knownPlaces, userNames } from '../store/known.ts';
import { findParents } from '../store/parents.ts';
import type { TaskStore } from '../store/store.ts';
import type { WireTask } from '../task/task.ts';
import type { Turns } from './turns.ts';

/** One sender of bundles: a connection, or the server's own source. */
export class BundleSender {
  readonly name: string;
  readonly fail: (error: MillraceError) => void;
  /** Look-ups under way; null: none. */
  pending: Promise<void> | null = null;

  constructor(name: string, fail: (error: MillraceError) => void) {
    this.name = name;
    this.fail = fail;
  }
}

export class Intake {
  readonly #turns: Turns;
  readonly #store: TaskStore;
  readonly #salt: string;

  constructor(turns: Turns, store: TaskStore, salt: string) {
    this.#turns = turns;
    this.#store = store;
    this.#salt = salt;
  }

  submit(sender: BundleSender, [, submitter, sequence, tasks]: Submit): void {
    const feed = (known: ReadonlyMap<number, number> | null, parents: ReadonlyMap<string, number> | null): void => {
      this.#turns.feed({ type: 'submit', connection: sender.name, submitter, sequence, tasks, known, parents }, tasks.length);
    };
    let keyed = false;
    let dependent = false;
    for (const task of tasks) {
      const attributes = task[3];
      if (attributes?.key !== undefined || attributes?.id !== undefined) keyed = true;
      if (attributes?.dependsOn !== undefined) dependent = true;
    }
    if (keyed || dependent) {
      this.#later(sender, async () => {
        const parents = dependent ? await findParents(this.#store, this.#salt, tasks) : null;
        feed(keyed ? await this.known(tasks) : null, parents);
      });
    } else if (sender.pending === null) feed(null, null);
    else this.#later(sender, async () => feed(null, null));
  }

  done(sender: BundleSender, submitter: string): void {
    const feed = (): void => this.#turns.feed({ type: 'submitter-done', connection: sender.name, submitter });
    if (sender.pending === null) feed();
    else this.#later(sender, async () => feed());
  }

  #later(sender: BundleSender, step: () => Promise<void>): void {
    const pending = (sender.pending ?? Promise.resolve()).then(step).catch((thrown: unknown) => sender.fail(MillraceError.from(thrown)));
    sender.pending = pending;
    void pending.then(() => {
      if (sender.pending === pending) sender.pending = null;
    });
  }

  /** Which of these the store has by their key or id: their places, with the numbers of the tasks. */
  async known(tasks: readonly WireTask[]): Promise<ReadonlyMap<number, number>> {
    const { keys, ids } = userNames(tasks);
    return knownPlaces(tasks, await this.#store.known(keys, ids));
  }
}
