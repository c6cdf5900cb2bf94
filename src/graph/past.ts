/**
 * What stays of tasks and objects that nobody will ever need again: enough to say what became of them, in columns of numbers. A task and its output take
 * about 1.25 kB as long as they may still run or be read, and about a tenth of that here.
 */
import type { GraphObject, GraphTask, Opaque } from './entities.ts';
import type { PastNode } from './node-table.ts';

/** Rows of a block of columns, and numbers in a block of links. */
const rowsOfBlock = 1_024;
const linksOfBlock = 16_384;
/** Columns of whole numbers: the node, its type or label, its name or content type, its client, where its links begin. */
const width = 5;

interface Block {
  readonly whole: Int32Array;
  readonly real: Float64Array;
}

export class PastNodes {
  readonly #blocks: Block[] = [];
  readonly #links: Int32Array[] = [];
  readonly #texts: string[] = [];
  readonly #numbers: Map<string, number> = new Map();
  /** What few have, by row. */
  readonly #info: Map<number, { readonly info: Opaque | null; readonly debug: string }> = new Map();
  /** Free numbers in the last block of links. */
  #room = 0;
  #rows = 0;

  /** Answers with its row. */
  addTask(task: GraphTask): number {
    const { id, spec, inputs, outputs, ranOn, startedAt, durationMs, info, debug } = task;
    const row = this.#add(id, spec[1], spec[5]?.name ?? null, ranOn, this.#addLinks(inputs, outputs));
    this.#measure(row, startedAt ?? Number.NaN, durationMs ?? Number.NaN);
    if (info !== null || debug !== '') this.#info.set(row, { info, debug });
    return row;
  }

  addObject({ id, spec, contentType, size, uses, info }: GraphObject): number {
    const row = this.#add(id, spec[1], contentType ?? spec[5]?.contentType ?? null, null, -1);
    this.#measure(row, size, uses);
    if (info !== null) this.#info.set(row, { info, debug: '' });
    return row;
  }

  at(row: number): PastNode {
    const { whole, real } = this.#blocks[Math.floor(row / rowsOfBlock)]!;
    const at = row % rowsOfBlock;
    const [id, text, second, client, links] = whole.subarray(at * width, (at + 1) * width) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    const [first, other] = real.subarray(2 * at, 2 * at + 2) as unknown as [number, number];
    const { info = null, debug = '' } = this.#info.get(row) ?? {};
    const isTask = links >= 0;
    const known = { id, past: true, isTask, text: this.#texts[text]!, client: this.#text(client), info, debug } as const;
    if (!isTask) {
      const contentType = this.#text(second);
      return { ...known, name: null, contentType, startedAt: null, durationMs: null, size: first, uses: other, inputs: [], outputs: [] };
    }
    const [startedAt, durationMs] = [Number.isNaN(first) ? null : first, Number.isNaN(other) ? null : other];
    return { ...known, name: this.#text(second), contentType: null, startedAt, durationMs, size: 0, uses: 0, ...this.#linksAt(links) };
  }

  #add(id: number, text: string, second: string | null, client: string | null, links: number): number {
    const row = this.#rows++;
    const at = row % rowsOfBlock;
    if (at === 0) this.#blocks.push({ whole: new Int32Array(rowsOfBlock * width), real: new Float64Array(rowsOfBlock * 2) });
    this.#blocks.at(-1)!.whole.set([id, this.#numberOf(text), this.#numberOf(second), this.#numberOf(client), links], at * width);
    return row;
  }

  #measure(row: number, first: number, second: number): void {
    const at = row % rowsOfBlock;
    this.#blocks.at(-1)!.real.set([first, second], 2 * at);
  }

  /** As numbers in a row: how many inputs, these, how many outputs, these. A place is never split, so that one number says where it begins. */
  #addLinks(inputs: readonly GraphObject[], outputs: readonly GraphObject[]): number {
    const length = inputs.length + outputs.length + 2;
    if (length > this.#room) {
      this.#links.push(new Int32Array(Math.max(linksOfBlock, length)));
      this.#room = linksOfBlock;
    }
    const block = this.#links.at(-1)!;
    const begin = linksOfBlock - this.#room;
    let at = begin;
    for (const list of [inputs, outputs]) {
      block[at++] = list.length;
      for (const { id } of list) block[at++] = id;
    }
    this.#room = Math.max(0, this.#room - length);
    return (this.#links.length - 1) * linksOfBlock + begin;
  }

  #linksAt(place: number): Pick<PastNode, 'inputs' | 'outputs'> {
    const block = this.#links[Math.floor(place / linksOfBlock)]!;
    const inputs = (place % linksOfBlock) + 1;
    const outputs = inputs + block[inputs - 1]! + 1;
    return { inputs: [...block.subarray(inputs, outputs - 1)], outputs: [...block.subarray(outputs, outputs + block[outputs - 1]!)] };
  }

  #numberOf(text: string | null): number {
    if (text === null) return -1;
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  #text(number: number): string | null {
    return number < 0 ? null : this.#texts[number]!;
  }
}
