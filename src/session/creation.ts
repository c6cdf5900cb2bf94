/** Where in the program something was made: the place stands in the error when it fails. */
import { fileURLToPath } from 'node:url';

const library = fileURLToPath(new URL('.', import.meta.url));
const mostFrames = 6;

/** Cheap to make (about a microsecond); the text is made when it is asked for. */
export function creationPlace(): () => string {
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, creationPlace);
  return () => {
    const frames = (trace.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line) && !isOwn(line));
    return frames.slice(0, mostFrames).join('\n');
  };
}

function isOwn(line: string): boolean {
  return line.includes(library) || line.includes(new URL('.', import.meta.url).href);
}
