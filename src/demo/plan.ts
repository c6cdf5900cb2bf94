/**
 * What the demo does: which files, and the file of tasks that is made of them, a task a line. The same tree gives the same plan on every
 * run.
 */
import { createReadStream, lstatSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TaskInput } from '../task/task.ts';

/** At most so many files, and none above so many bytes: a minute on two cores holds several times as much. */
const mostFiles = 1_500;
const largestFile = 4_000_000;

/** The files of a folder, evenly picked from all of them in the order of their names. Links are not followed. */
export function pickFiles(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('\n') && lstatSync(path).size <= largestFile)
    .sort();
  const step = Math.max(1, all.length / mostFiles);
  return Array.from({ length: Math.min(all.length, mostFiles) }, (_, i) => all[Math.floor(i * step)]!);
}

/** Three lines for each file: a command that counts, a function that hashes, a function that compresses. Tags say which, of which file. */
export function* planOf(files: readonly string[]): Generator<string> {
  const module = new URL('./work.js', import.meta.url).href;
  for (const [file, path] of files.entries()) {
    yield line({ args: `wc -lc < ${quoted(path)}`, tags: { job: 'count', file } });
    yield line({ module, name: 'hash', args: [path], tags: { job: 'hash', file } });
    yield line({ module, name: 'compress', args: [path], tags: { job: 'compress', file } });
  }
}

/** Write the lines of a plan. */
export async function writePlan(path: string, lines: Iterable<string>): Promise<void> {
  await writeFile(path, lines);
}

/** The tasks of a written plan, read as they are asked for. */
export async function* readPlan(path: string): AsyncGenerator<TaskInput> {
  for await (const text of createInterface({ input: createReadStream(path) })) yield JSON.parse(text) as TaskInput;
}

function line(task: TaskInput): string {
  return `${JSON.stringify(task)}\n`;
}

/** As one word of a shell. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
