/**
 * What running functions said of how far they are, on its way to the server: of each task the last word, at most every 50 ms and 16 times
 * a second; four times more for words whose task ends now, which a listener would miss otherwise. Whether anybody listens is not known here.
 */
import type { Clock } from '../base/clock.ts';
import type { GrantId, TaskProgress } from '../protocol/messages.ts';
import { bytesOf } from '../task/size.ts';
import type { HeldTask } from './core/held.ts';

const sendEvery = 50;
/** Messages of the last second: regular ones, and all. */
const mostRegular = 16;
const mostMessages = 20;
const second = 1_000;
/** Bytes of one message; what is beyond waits for the next. */
const mostBytes = 2 ** 20;

interface Word {
  readonly task: HeldTask;
  readonly value: string | Uint8Array;
}

export class ProgressWords {
  readonly #clock: Clock;
  readonly #send: (message: TaskProgress) => void;
  /** By the key of the attempt. */
  readonly #words: Map<number, Word> = new Map();
  /** When the last messages left, oldest first. */
  #sent: number[] = [];
  #stopTimer: (() => void) | null = null;

  constructor(clock: Clock, send: (message: TaskProgress) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  say(key: number, task: HeldTask, value: string | Uint8Array): void {
    this.#words.set(key, { task, value });
    if (this.#stopTimer !== null) return;
    const wait = this.#wait(mostRegular);
    if (wait <= 0) this.#flush();
    else this.#later(wait);
  }

  /** These attempts end: their last words leave before their results, where there is room for them. */
  ended(ends: readonly { readonly key: number }[]): void {
    if (this.#words.size === 0) return;
    const last = ends.some(({ key }) => this.#words.has(key));
    if (last && this.#sentOfLate(this.#clock.now()) < mostMessages) this.#flush();
  }

  close(): void {
    this.#stopTimer?.();
    this.#words.clear();
  }

  #later(wait: number): void {
    this.#stopTimer = this.#clock.after(
      wait,
      () => {
        this.#stopTimer = null;
        this.#flush();
      },
      { unref: true },
    );
  }

  /** ms until the next message may leave. */
  #wait(most: number): number {
    const now = this.#clock.now();
    const full = this.#sentOfLate(now) < most ? 0 : this.#sent[this.#sent.length - most]! + second - now;
    return Math.max(full, (this.#sent.at(-1) ?? Number.NEGATIVE_INFINITY) + sendEvery - now);
  }

  #sentOfLate(now: number): number {
    if (this.#sent.length > 0 && this.#sent[0]! + second <= now) this.#sent = this.#sent.filter((at) => at + second > now);
    return this.#sent.length;
  }

  #flush(): void {
    const byGrant = new Map<GrantId, [n: number, value: string | Uint8Array][]>();
    let bytes = 0;
    for (const [key, { task, value }] of this.#words) {
      bytes += bytesOf(value);
      if (bytes > mostBytes && byGrant.size > 0) break;
      this.#words.delete(key);
      const words = byGrant.get(task.grant);
      if (words === undefined) byGrant.set(task.grant, [[task.n, value]]);
      else words.push([task.n, value]);
    }
    if (byGrant.size === 0) return;
    this.#sent.push(this.#clock.now());
    this.#send(['progress', [...byGrant]]);
    if (this.#words.size > 0 && this.#stopTimer === null) this.#later(this.#wait(mostRegular));
  }
}
