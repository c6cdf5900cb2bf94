/**
 * The way of a stand-in to what the other side passed by reference: over the connection on which it came, and no other. It ends when it is released, or with that
 * connection.
 */
import { MillraceError } from '../base/errors.ts';
import type { BatchReply, BatchSending, CallBounds, Caller } from './caller.ts';

/** What a stand-in does with its calls. */
export interface Reach {
  readonly open: boolean;
  call(object: number, method: string, args: readonly unknown[], bounds: CallBounds): Promise<unknown>;
  get(object: number, name: string, bounds: CallBounds): Promise<unknown>;
  set(object: number, name: string, value: unknown, bounds: CallBounds): Promise<unknown>;
  batch(
    object: number,
    names: readonly string[],
    picks: readonly number[],
    lists: readonly unknown[][],
    options: BatchSending,
    bounds: CallBounds,
  ): Promise<BatchReply>;
  giveBack(number: number, heard: number): void;
}

const unbounded: CallBounds = { timeout: null, signal: null };

/** The caller of a stand-in. */
export class ReferenceCaller implements Caller {
  readonly reach: Reach;
  readonly number: number;
  readonly #release: (caller: ReferenceCaller) => void;
  /** What its users hold lives as long as this. */
  standIn: object | null = null;
  #released = false;

  constructor(reach: Reach, number: number, release: (caller: ReferenceCaller) => void) {
    this.reach = reach;
    this.number = number;
    this.#release = release;
  }

  async call(method: string, args: unknown[], bounds: CallBounds = unbounded): Promise<unknown> {
    return this.#usable().call(this.number, method, args, bounds);
  }

  async get(name: string, bounds: CallBounds = unbounded): Promise<unknown> {
    return this.#usable().get(this.number, name, bounds);
  }

  async set(name: string, value: unknown, bounds: CallBounds = unbounded): Promise<void> {
    await this.#usable().set(this.number, name, value, bounds);
  }

  async batch(
    names: readonly string[],
    picks: readonly number[],
    lists: readonly unknown[][],
    options: BatchSending,
    bounds: CallBounds = unbounded,
  ): Promise<BatchReply> {
    return this.#usable().batch(this.number, names, picks, lists, options, bounds);
  }

  kindOf(): null {
    return null;
  }

  describe(): string {
    return `reference ${this.number}`;
  }

  /** It is not used any more: the other side may forget it. */
  release(): void {
    if (!this.#released) this.#release(this);
    this.#released = true;
  }

  #usable(): Reach {
    if (!this.#released) return this.reach;
    throw new MillraceError('ERR_OBJECT', 'this reference was released: it cannot be called any more');
  }
}
