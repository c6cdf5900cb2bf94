/** Calls that wait to be sent together. */
import type { BatchReply, BatchSending, Caller } from './caller.ts';

export class Queue {
  readonly #caller: Caller;
  readonly #places: Map<string, number> = new Map();
  #picks: number[] = [];
  #lists: unknown[][] = [];
  #on: number[] = [];
  #depends = false;
  #batch: object = {};

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** What stands for the calls that are sent together: another one after each `send`. */
  get batch(): object {
    return this.#batch;
  }

  /** `on`: the call on whose result it is made. Its place. */
  add(name: string, args: unknown[], on: number = -1): number {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = this.#places.size;
      this.#places.set(name, place);
    }
    this.#picks.push(place);
    this.#lists.push(args);
    this.#on.push(on);
    this.#depends ||= on !== -1;
    return this.#picks.length - 1;
  }

  /** The queue is empty afterwards, whatever becomes of the calls: nobody can know which of them were made when the connection is lost. */
  async send(options: BatchSending): Promise<BatchReply> {
    const [names, picks, lists, on, batch, depends] = [
      [...this.#places.keys()],
      this.#picks,
      this.#lists,
      this.#on,
      this.#batch,
      this.#depends,
    ];
    if (lists.length === 0) return { results: [], errors: new Map() };
    this.#picks = [];
    this.#lists = [];
    this.#on = [];
    this.#places.clear();
    this.#batch = {};
    this.#depends = false;
    return this.#caller.batch(names, picks, lists, { ...options, depends: { batch, on: depends ? on : null } });
  }
}
