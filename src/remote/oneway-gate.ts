/**
 * Oneway calls on their way out. Only so many may be on their way that have not been done: those beyond wait here, so that a slow method costs the other
 * side no memory. What is asked after them waits behind them, as it would there, unless they wait for a method that takes its time: what such a
 * method waits for must get past.
 */
import { type Deferred, deferred } from '../base/deferred.ts';
import type { Message } from '../protocol/messages.ts';
import { copyOf } from './core/copy.ts';
import { weightOf } from './core/weight.ts';
import type { Outbox } from './outbox.ts';

/** Bytes, by `weightOf`, that may be on their way: 16,384 small calls. */
export const onewayWindow: number = 4 * 1024 * 1024;

interface Held {
  readonly message: Message;
  /** 0: it is no oneway call. */
  readonly weight: number;
  failed(error: unknown): void;
}

const nobody = (): void => {};

/** States. *open*: all goes out. *full*: oneway calls wait, and what comes after them. *stuck*: only oneway calls wait. */
export class OnewayGate {
  readonly #outbox: Outbox;
  #held: Held[] = [];
  /** Of those on their way, oldest first, from `#first` on. */
  #weights: number[] = [];
  #first = 0;
  #out = 0;
  #stuck = false;
  #free: Deferred<void> | null = null;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** `params[2]` are the arguments. Null: it is out; else resolves when it is. @throws ERR_NOT_CLONEABLE, ERR_FRAME_TOO_LARGE */
  oneway(kind: 'call' | 'batch', params: readonly unknown[]): Promise<void> | null {
    const weight = weightOf(kind === 'call' ? params[2] : params[3]);
    if (this.#held.length === 0 && this.#out < onewayWindow) {
      this.#send(['event', kind, params], weight, nobody);
      return this.#outbox.free;
    }
    if (this.#held.length === 0) this.#outbox.send(['event', 'full', null]);
    this.#held.push({ message: ['event', kind, copyOf(params)], weight, failed: nobody });
    this.#free ??= deferred();
    return this.#free.promise;
  }

  /** Everything that is asked or taken back, in its order. @throws as `oneway` */
  send(message: Message, failed: (error: unknown) => void = nobody): void {
    if (this.#held.length === 0 || this.#stuck) this.#outbox.send(message, failed);
    else this.#held.push({ message: copyOf(message) as Message, weight: 0, failed });
  }

  /** What was sent leaves now. */
  flush(): void {
    this.#outbox.flush();
  }

  /** The other side has done so many more. `stuck`: it waits for one of them. */
  ran(count: number, stuck: boolean): void {
    for (let left = Math.min(count, this.#weights.length - this.#first); left > 0; left -= 1) this.#out -= this.#weights[this.#first++]!;
    if (this.#first === this.#weights.length || this.#first > 4_096) {
      this.#weights = this.#weights.slice(this.#first);
      this.#first = 0;
    }
    if (this.#held.length === 0) return;
    let at = 0;
    while (at < this.#held.length && (this.#held[at]!.weight === 0 || this.#out < onewayWindow)) this.#release(this.#held[at++]!);
    this.#held = at === 0 ? this.#held : this.#held.slice(at);
    this.#stuck = stuck && this.#held.length > 0;
    if (this.#stuck) {
      const others = this.#held.filter(({ weight }) => weight === 0);
      this.#held = this.#held.filter(({ weight }) => weight > 0);
      for (const held of others) this.#release(held);
    }
    if (this.#held.length === 0) this.#open();
    else if (count > 0) this.#outbox.send(['event', 'full', null]);
  }

  /** The connection is over. */
  end(): void {
    this.#held = [];
    this.#open();
  }

  #release({ message, weight, failed }: Held): void {
    try {
      if (weight === 0) this.#outbox.send(message, failed);
      else this.#send(message, weight, failed);
    } catch (error) {
      failed(error);
    }
  }

  #send(message: Message, weight: number, failed: (error: unknown) => void): void {
    this.#outbox.send(message, failed);
    this.#out += weight;
    this.#weights.push(weight);
  }

  #open(): void {
    this.#free?.resolve();
    this.#free = null;
  }
}
