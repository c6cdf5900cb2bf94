/**
 * The way of a stand-in to what the other side passed by reference: over the connection on which it came, and no other. It ends when it is released, or with that
 * connection.
 */
import { MillraceError } from '../base/errors.ts';
import type { BatchReply, BatchSending, CallBounds, Caller } from './caller.ts';
import { type Description, descriptionOf, kindIn } from './description.ts';
import { NameSet } from './name-set.ts';

/** What a stand-in does with its calls. */
export interface Reach {
  readonly open: boolean;
  call(object: number, method: string, args: readonly unknown[], bounds: CallBounds): Promise<unknown>;
  oneway(object: number, method: string, args: readonly unknown[]): Promise<void>;
  get(object: number, name: string, bounds: CallBounds): Promise<unknown>;
  set(object: number, name: string, value: unknown, bounds: CallBounds): Promise<unknown>;
  bind(object: number, bounds: CallBounds): Promise<unknown>;
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
  #bounds: CallBounds = unbounded;
  #oneway: NameSet | null = null;
  #description: Description | null = null;
  #released = false;

  constructor(reach: Reach, number: number, release: (caller: ReferenceCaller) => void) {
    this.reach = reach;
    this.number = number;
    this.#release = release;
  }

  async call(method: string, args: unknown[], bounds: CallBounds = this.#bounds): Promise<unknown> {
    const reach = this.#usable();
    return this.#oneway?.has(method) === true ? reach.oneway(this.number, method, args) : reach.call(this.number, method, args, bounds);
  }

  async get(name: string, bounds: CallBounds = this.#bounds): Promise<unknown> {
    return this.#usable().get(this.number, name, bounds);
  }

  async set(name: string, value: unknown, bounds: CallBounds = this.#bounds): Promise<void> {
    await this.#usable().set(this.number, name, value, bounds);
  }

  async batch(
    names: readonly string[],
    picks: readonly number[],
    lists: readonly unknown[][],
    options: BatchSending,
    bounds: CallBounds = this.#bounds,
  ): Promise<BatchReply> {
    return this.#usable().batch(this.number, names, picks, lists, options, bounds);
  }

  kindOf(name: string): 'method' | 'attribute' | null {
    return kindIn(this.#description, name);
  }

  describe(): string {
    return `reference ${this.number}`;
  }

  get connected(): boolean {
    return !this.#released && this.reach.open;
  }

  /** ms of a call; null: none. */
  get timeout(): number | null {
    return this.#bounds.timeout;
  }

  set timeout(ms: number | null) {
    this.#bounds = { timeout: ms, signal: null };
  }

  get oneway(): NameSet {
    this.#oneway ??= new NameSet();
    return this.#oneway;
  }

  get description(): Description | null {
    return this.#description;
  }

  /** Asks what the object exposes. False: it has a connection already, that on which it came. */
  async bind(): Promise<boolean> {
    this.#description ??= descriptionOf(await this.#usable().bind(this.number, this.#bounds));
    return false;
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
