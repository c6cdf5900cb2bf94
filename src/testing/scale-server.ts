/**
 * The server of a scale run: its core and a store that answers at once. What came in a millisecond is one turn; how long the core and the
 * store take for it is measured, the conversion of messages and the network are not.
 */
import type { Message } from '../protocol/messages.ts';
import { ServerCore } from '../server/core/core.ts';
import type { Instant } from '../server/core/entities.ts';
import type { CoreEvent, CoreOptions, Send } from '../server/core/events.ts';
import type { TaskStore } from '../store/store.ts';

/** Real time, ms. */
export type Stopwatch = () => number;

export class ScaleServer {
  readonly core: ServerCore;
  readonly #store: TaskStore;
  readonly #stopwatch: Stopwatch;
  readonly #time: Instant;
  #dirty = true;
  #wakeAt: number = Number.POSITIVE_INFINITY;
  /** Real ms in the core and in the store. */
  coreMs = 0;
  storeMs = 0;
  longestTurnMs = 0;
  turns = 0;
  granted = 0;
  recorded = 0;
  recalls = 0;

  constructor(options: CoreOptions, store: TaskStore, stopwatch: Stopwatch, time: Instant) {
    const recovery = store.recover();
    if (recovery instanceof Promise) throw new Error('a scale run needs a store that answers at once');
    this.#store = store;
    this.#stopwatch = stopwatch;
    this.#time = time;
    this.core = new ServerCore(options, recovery, time);
  }

  /** Measure from here on. */
  reset(): void {
    this.coreMs = 0;
    this.storeMs = 0;
    this.longestTurnMs = 0;
    this.turns = 0;
    this.granted = 0;
    this.recorded = 0;
    this.recalls = 0;
  }

  receive(events: readonly CoreEvent[]): void {
    if (events.length === 0) return;
    const began = this.#stopwatch();
    for (const event of events) this.core.handle(event, this.#time);
    this.coreMs += this.#stopwatch() - began;
    this.#dirty = true;
  }

  /** Close the turn of this millisecond, if there is one: what leaves after its commit. */
  turn(): readonly Send[] {
    if (this.#time.now >= this.#wakeAt) this.receive([{ type: 'tick' }]);
    if (!this.#dirty) return [];
    this.#dirty = false;
    const began = this.#stopwatch();
    const turn = this.core.endTurn(this.#time);
    this.#wakeAt = this.core.wakeAt() ?? Number.POSITIVE_INFINITY;
    const took = this.#stopwatch() - began;
    this.coreMs += took;
    this.longestTurnMs = Math.max(this.longestTurnMs, took);
    this.turns++;
    const { writes } = turn;
    if (writes !== null) {
      this.recorded += writes.ends.length;
      this.#asked(() => this.#store.commit(writes));
    }
    for (const question of turn.refills) {
      const rows = this.#asked(() => this.#store.ready(question.after, question.limit, question.lanes ?? undefined));
      if (!(rows instanceof Promise)) this.receive([{ type: 'refilled', question, rows }]);
    }
    const [cut] = turn.cut;
    if (cut !== undefined) throw new Error(`the server cut ${cut.connection}: ${cut.error.message}`);
    for (const { message } of turn.sends) this.#count(message);
    return turn.sends;
  }

  #count(message: Message): void {
    if (message[0] === 'work') this.granted += message[3].length;
    else if (message[0] === 'recall') this.recalls++;
  }

  #asked<T>(ask: () => T): T {
    const began = this.#stopwatch();
    const answer = ask();
    this.storeMs += this.#stopwatch() - began;
    return answer;
  }
}
