/**
 * What a client tells the server: of its runs which really run, what they say, and how they ended; and which objects it took from others. All of a moment goes together; ends are kept until the server
 * has answered them, and told again on a new connection.
 */
import { mostTold, type Opaque } from '../../protocol/graph-messages.ts';
import type { WireEnd } from '../../protocol/graph-work.ts';
import type { GraphWorkParts } from './members.ts';
import type { GraphRun } from './run.ts';

function weightOf(end: WireEnd): number {
  if (end[1] === 2) return 0;
  if (end[1] === 1) return end[3].length + end[4].length + end[5].length;
  let weight = (end[3]?.length ?? 0) + end[4].length;
  for (const [, , info] of end[2]) weight += info?.length ?? 0;
  return weight;
}

/** As many of the first as a message holds, at least one; and the rest. */
function firstOf(runs: GraphRun[]): [first: GraphRun[], rest: GraphRun[]] {
  let weight = 0;
  for (const [at, { end }] of runs.entries()) {
    if (weight >= mostTold) return [runs.slice(0, at), runs.slice(at)];
    weight += weightOf(end as WireEnd);
  }
  return [runs, []];
}

function endsOf(runs: readonly GraphRun[]): WireEnd[] {
  return runs.map(({ end }) => end as WireEnd);
}

export class Reports {
  readonly #parts: Pick<GraphWorkParts, 'send' | 'online'>;
  #ended: GraphRun[] = [];
  /** Ends that were told, by their message. */
  readonly #unanswered: { readonly sequence: number; readonly runs: GraphRun[] }[] = [];
  #sequence = 0;
  #begun: GraphRun[] = [];
  #took: number[] = [];
  #missed: number[] = [];
  readonly #words: Map<number, Opaque> = new Map();
  #scheduled = false;
  #closed = false;

  constructor(parts: Pick<GraphWorkParts, 'send' | 'online'>) {
    this.#parts = parts;
  }

  close(): void {
    this.#closed = true;
  }

  /** It runs for longer than this moment: what ends at once only ends. */
  begun(run: GraphRun): void {
    this.#begun.push(run);
    this.#schedule();
  }

  said(run: number, value: Opaque): void {
    this.#words.set(run, value);
    this.#schedule();
  }

  /** An object that it was told to take is here, or could not be had. */
  took(n: number, has: boolean): void {
    (has ? this.#took : this.#missed).push(n);
    this.#schedule();
  }

  /** Its `end` is known. */
  ended(run: GraphRun): void {
    this.#ended.push(run);
    this.#schedule();
  }

  /** On a new connection all that was not answered is told anew, first and under one number: `ends`, `before` it those that one message does not hold. */
  anew(): { sequence: number; runs: readonly GraphRun[]; before: readonly (readonly WireEnd[])[]; ends: readonly WireEnd[] } {
    const runs = [...this.#unanswered.flatMap((told) => told.runs), ...this.#ended].filter(({ state }) => state === 'ended');
    this.#ended = [];
    this.#begun = [];
    this.#took = [];
    this.#missed = [];
    this.#unanswered.length = 0;
    this.#sequence++;
    if (runs.length > 0) this.#unanswered.push({ sequence: this.#sequence, runs });
    const before: WireEnd[][] = [];
    let [part, later] = firstOf(runs);
    for (; later.length > 0; [part, later] = firstOf(later)) before.push(endsOf(part));
    return { sequence: this.#sequence, runs, before, ends: endsOf(part) };
  }

  /** Of those that are kept the end is told on the next connection, of the others never. */
  keepOnly(kept: (run: GraphRun) => boolean): void {
    this.#ended = [...this.#unanswered.flatMap(({ runs }) => runs), ...this.#ended].filter(kept);
    this.#unanswered.length = 0;
  }

  /** The server has heard of all up to this message: whose ends these were. */
  answered(sequence: number): GraphRun[] {
    const runs: GraphRun[] = [];
    while (this.#unanswered[0] !== undefined && this.#unanswered[0].sequence <= sequence) {
      for (const run of this.#unanswered.shift()!.runs) runs.push(run);
    }
    return runs;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#flush();
    });
  }

  #flush(): void {
    const begun = this.#begun.filter(({ state }) => state === 'running');
    this.#begun = [];
    // Without a connection nobody hears it: on the next one all that runs is told.
    if (begun.length > 0 && this.#parts.online()) this.#parts.send('graph.begun', { runs: begun.map(({ number }) => number) });
    const [objects, failed] = [this.#took, this.#missed];
    this.#took = [];
    this.#missed = [];
    if (objects.length + failed.length > 0 && this.#parts.online()) this.#parts.send('graph.took', { objects, failed });
    if (this.#words.size > 0) this.#parts.send('graph.words', { words: [...this.#words] });
    this.#words.clear();
    // Without a connection they wait for the next one, which is told of all.
    while (this.#ended.length > 0 && this.#parts.online()) {
      const [runs, later] = firstOf(this.#ended);
      this.#ended = later;
      this.#sequence++;
      this.#unanswered.push({ sequence: this.#sequence, runs });
      this.#parts.send('graph.ended', { sequence: this.#sequence, ends: endsOf(runs) });
    }
  }
}
