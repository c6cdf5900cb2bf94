/**
 * What running functions said of how far they are, on its way to those who listen: after the notice of their start, before that of their
 * end. Of each task the last word of a turn; nothing is kept while nobody listens, and nothing of tasks that the speaker does not hold.
 */
import type { TaskProgress } from '../protocol/messages.ts';
import { publicId } from '../task/id.ts';
import type { ServerCore } from './core/core.ts';

export const wordsEvent = 'taskProgress';

/** A task's public id and its last word, encoded. */
export type SpokenWord = readonly [id: string, value: string | Uint8Array];

export class Words {
  readonly #words: Map<number, SpokenWord> = new Map();

  /** @param connection That of the client that speaks. */
  say(core: ServerCore, salt: string, connection: string, said: TaskProgress[1]): void {
    for (const [grant, words] of said) {
      for (const [n, value] of words) {
        const task = core.task(n);
        if (task?.grant?.id !== grant || task.grant.client.connection !== connection) continue;
        this.#words.set(n, [publicId({ n, submittedAt: task.submittedAt, task: task.wire }, salt), value]);
      }
    }
  }

  /** What was said since the last time; null: nothing. */
  take(): SpokenWord[] | null {
    if (this.#words.size === 0) return null;
    const words = [...this.#words.values()];
    this.#words.clear();
    return words;
  }
}
