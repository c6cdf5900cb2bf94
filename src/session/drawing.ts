/** A graph as a picture: for Graphviz, and as SVG in columns, each task behind all that it needs. */
import { writeFile } from 'node:fs/promises';
import type { ObjectRecord, TaskRecord } from './records.ts';
import type { PastTask } from './submitted.ts';

interface Box {
  readonly key: string;
  readonly text: string;
  readonly isTask: boolean;
  readonly isKept: boolean;
}

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

/** The tasks and objects of a session with what joins them. (Source: Rain, `Session.make_graph`, which did not work.) */
export class Graph {
  readonly #boxes: readonly Box[];
  readonly #arrows: Arrow[];

  /** Not for users: `session.makeGraph()` makes it. */
  constructor(tasks: readonly TaskRecord[], objects: readonly ObjectRecord[], past: Iterable<PastTask>, showIds: boolean) {
    const id = (node: { readonly id: number }): string => (showIds ? ` #${node.id}` : '');
    const ended = [...past];
    this.#boxes = [
      ...ended.flatMap(({ outputs }) => outputs.map((output) => boxOf('o', output.id, `${output.label || 'object'}${id(output)}`))),
      ...objects.map((object) => ({
        key: keyOf(object),
        text: `${object.label || 'object'}${id(object)}`,
        isTask: false,
        isKept: object.kept,
      })),
      ...ended.map((task) => boxOf('t', task.id, `${task.text}${id(task)}`)),
      ...tasks.map((task) => ({ key: keyOf(task), text: `${task.name ?? task.type}${id(task)}`, isTask: true, isKept: false })),
    ];
    this.#arrows = ended.flatMap(({ id: task, inputs, outputs }) => [
      ...inputs.map((input) => ({ from: `o${input.id}`, to: `t${task}`, text: input.label })),
      ...outputs.map((output) => ({ from: `t${task}`, to: `o${output.id}`, text: '' })),
    ]);
    for (const task of tasks)
      this.#arrows.push(
        ...task.inputs.map((object, at) => ({ from: keyOf(object), to: keyOf(task), text: task.labels?.[at] ?? '' })),
        ...task.outputs.map((object) => ({ from: keyOf(task), to: keyOf(object), text: '' })),
      );
  }

  /** How many tasks and objects it shows. */
  get size(): number {
    return this.#boxes.length;
  }

  /** Text for Graphviz (`dot -Tpdf`). */
  toDot(name = 'session'): string {
    const lines = [`digraph ${quoted(name)} {`, '  rankdir=LR;'];
    for (const { key, text, isTask, isKept } of this.#boxes)
      lines.push(`  ${key} [label=${quoted(text)}, shape=${isTask ? 'box' : 'oval'}${isKept ? ', peripheries=2' : ''}];`);
    for (const { from, to, text } of this.#arrows) lines.push(`  ${from} -> ${to}${text === '' ? '' : ` [label=${quoted(text)}]`};`);
    return `${lines.join('\n')}\n}\n`;
  }

  /** A picture that needs no other program. */
  toSvg(): string {
    const places = this.#places();
    let [width, height] = [0, 0];
    for (const { x, y } of places.values()) {
      width = Math.max(width, x);
      height = Math.max(height, y);
    }
    width += boxWidth + margin;
    height += boxHeight + margin;
    const lines = [`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`];
    for (const { from, to } of this.#arrows) {
      const [a, b] = [places.get(from), places.get(to)];
      if (a === undefined || b === undefined) continue;
      const [x1, y1, x2, y2] = [a.x + boxWidth, a.y + boxHeight / 2, b.x, b.y + boxHeight / 2];
      const middle = (x1 + x2) / 2;
      lines.push(`<path d="M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}" fill="none" stroke="#888"/>`);
    }
    for (const box of this.#boxes) lines.push(drawn(box, places.get(box.key) as Place));
    return `${lines.join('\n')}\n</svg>\n`;
  }

  /** Into a file: SVG where its name ends in `.svg`, else Graphviz. */
  async write(path: string): Promise<void> {
    await writeFile(path, path.endsWith('.svg') ? this.toSvg() : this.toDot());
  }

  /** The column of a box is the length of the longest way to it. */
  #places(): Map<string, Place> {
    const waiting = new Map(this.#boxes.map(({ key }) => [key, 0]));
    const after = new Map<string, string[]>();
    for (const { from, to } of this.#arrows) {
      if (!waiting.has(from) || !waiting.has(to)) continue;
      waiting.set(to, (waiting.get(to) ?? 0) + 1);
      const others = after.get(from);
      if (others === undefined) after.set(from, [to]);
      else others.push(to);
    }
    const columns = new Map<string, number>();
    const ready = [...waiting].filter(([, count]) => count === 0).map(([key]) => key);
    for (const key of ready) {
      const column = columns.get(key) ?? 0;
      columns.set(key, column);
      for (const next of after.get(key) ?? []) {
        columns.set(next, Math.max(columns.get(next) ?? 0, column + 1));
        const left = (waiting.get(next) ?? 1) - 1;
        waiting.set(next, left);
        if (left === 0) ready.push(next);
      }
    }
    const rows: number[] = [];
    const places = new Map<string, Place>();
    for (const { key } of this.#boxes) {
      const column = columns.get(key) ?? 0;
      const row = rows[column] ?? 0;
      rows[column] = row + 1;
      places.set(key, { x: margin + column * (boxWidth + 60), y: margin + row * (boxHeight + 20) });
    }
    return places;
  }
}

interface Place {
  readonly x: number;
  readonly y: number;
}

const boxWidth = 140;
const boxHeight = 30;
const margin = 20;

/** Of one that has ended and is not kept. */
function boxOf(kind: 't' | 'o', id: number, text: string): Box {
  return { key: `${kind}${id}`, text, isTask: kind === 't', isKept: false };
}

function keyOf(node: ObjectRecord | TaskRecord): string {
  return `${node.kind === 'task' ? 't' : 'o'}${node.id}`;
}

/** What neither picture can hold: Graphviz ends at a null character, XML knows no others of these. */
const unprintable = /(?![\t\n\r])[\p{Cc}\p{Cs}\ufffe\uffff]/gu;

function quoted(text: string): string {
  return `"${text.replaceAll(unprintable, '\ufffd').replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

function drawn({ text, isTask, isKept }: Box, { x, y }: Place): string {
  const letters = Array.from(text);
  const shown = letters.length > 20 ? `${letters.slice(0, 19).join('')}…` : text;
  const escaped = shown.replaceAll(unprintable, '\ufffd').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const round = isTask ? 2 : boxHeight / 2;
  const shape = `<rect x="${x}" y="${y}" width="${boxWidth}" height="${boxHeight}" rx="${round}" fill="${isTask ? '#eef' : '#fff'}" stroke="#333" stroke-width="${isKept ? 2 : 1}"/>`;
  return `${shape}<text x="${x + boxWidth / 2}" y="${y + boxHeight / 2 + 4}" text-anchor="middle">${escaped}</text>`;
}
