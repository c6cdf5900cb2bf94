/**
 * What a client is told of graphs, in order, no faster than its connection takes it: a connection with too much before it is cut. A task that no message holds
 * fails.
 */
import { MillraceError } from '../../base/errors.ts';
import type { WireOrders, WireRun } from '../../protocol/graph-work.ts';
import type { Peer } from '../../transport/peer.ts';

export interface Told {
  'graph.orders': WireOrders;
  'graph.take': { objects: [n: number, size: number][] };
  'graph.free': Record<never, never>;
}
type Letter = { [N in keyof Told]: readonly [name: N, value: Told[N]] }[keyof Told];

/** Orders that order nothing. */
export const nothing: Omit<WireOrders, 'acknowledged'> = { refused: [], cancel: [], drop: [], runs: [], forget: [], recall: 0 };

/** Of one connection. */
export class Letters {
  readonly #peer: Peer;
  /** This run fits into no message. */
  readonly #refused: (run: number, error: MillraceError) => void;
  #waiting: Letter[] = [];
  #isFull = false;

  constructor(peer: Peer, refused: (run: number, error: MillraceError) => void) {
    this.#peer = peer;
    this.#refused = refused;
  }

  send(...letter: Letter): void {
    if (this.#isFull) this.#waiting.push(letter);
    else this.#deliver(letter);
  }

  #deliver(letter: Letter): void {
    const [name, value] = letter;
    try {
      if (this.#peer.notify(name, value)) return;
    } catch (error) {
      if (name !== 'graph.orders' || value.runs.length === 0 || !(error instanceof MillraceError) || error.code !== 'ERR_FRAME_TOO_LARGE')
        throw error;
      this.#divide(value, error);
      return;
    }
    this.#isFull = true;
    this.#peer.whenDrained(() => {
      this.#isFull = false;
      this.#sendAll(this.#waiting);
    });
  }

  /** In this order, before what else waits. */
  #sendAll(letters: readonly Letter[]): void {
    let sent = 0;
    this.#waiting = [];
    while (sent < letters.length && !this.#isFull) this.#deliver(letters[sent++]!);
    this.#waiting = [...this.#waiting, ...letters.slice(sent)];
  }

  #divide({ runs, ...rest }: WireOrders, error: MillraceError): void {
    const { acknowledged } = rest;
    const alone = (run: WireRun): Letter => ['graph.orders', { ...nothing, acknowledged, runs: [run] }];
    if (runs.length === 1) this.#refused(runs[0]![0], error);
    const waiting = this.#waiting;
    this.#sendAll([['graph.orders', { ...rest, runs: [] }], ...(runs.length === 1 ? [] : runs.map(alone)), ...waiting]);
  }
}
