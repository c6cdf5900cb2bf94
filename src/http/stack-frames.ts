/** The stack of an error as rows of plain data, outermost call first, cut to the frames of the user's own code. */
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Frame {
  readonly filename: string;
  readonly line: number;
  /** The function. */
  readonly in: string;
  /** The frame as the stack has it. */
  readonly call: string;
}

/** The folder of this package's own code: `src` or `dist`. */
const own = fileURLToPath(new URL('..', import.meta.url));
const longestStack = 100;

/** The user's frames; all of them where none is the user's. */
export function framesOf(error: unknown): Frame[] {
  const stack = error instanceof Error && typeof error.stack === 'string' ? error.stack : '';
  const all = stack
    .split('\n')
    .map(readFrame)
    .filter((frame) => frame !== null)
    .slice(0, longestStack)
    .reverse();
  const users = all.filter(({ filename }) => !isFramework(filename));
  return users.length > 0 ? users : all;
}

function readFrame(text: string): Frame | null {
  const parts = /^\s+at (?:(?<name>.+?) \()?(?<place>.+?):(?<line>\d+):\d+\)?$/.exec(text)?.groups;
  if (parts?.place === undefined) return null;
  return {
    filename: pathOf(parts.place.replace(/^async /, '')),
    line: Number(parts.line),
    in: parts.name?.replace(/^async /, '') ?? '<anonymous>',
    call: text.trim(),
  };
}

function pathOf(place: string): string {
  try {
    return place.startsWith('file:') ? fileURLToPath(place) : place;
  } catch {
    return place;
  }
}

function isFramework(filename: string): boolean {
  return filename.startsWith('node:') || filename.startsWith(own) || filename.includes(`${sep}node_modules${sep}`);
}
