/**
 * Output for the process's own streams: the output of one task after the other, each whole, each beginning on a line of its own.
 */
import { createReadStream } from 'node:fs';
import { discard } from './spool.ts';

interface Target {
  readonly stream: NodeJS.WritableStream;
  /** The last byte written was no newline. */
  open: boolean;
}

export class InheritedStreams {
  readonly #stdout: Target;
  readonly #stderr: Target;
  #last: Promise<void> = Promise.resolve();

  constructor(stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream) {
    this.#stdout = { stream: stdout, open: false };
    this.#stderr = { stream: stderr, open: false };
  }

  /** Writes both files when its turn comes, then removes them. */
  add(output: string, errors: string): void {
    this.#last = this.#last.then(async () => {
      await copy(output, this.#stdout);
      await copy(errors, this.#stderr);
    });
  }

  /** Resolves when everything added so far was written. */
  drained(): Promise<void> {
    return this.#last;
  }
}

async function copy(path: string, target: Target): Promise<void> {
  let first = true;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      if (first && target.open) await write(target.stream, Buffer.from('\n'));
      first = false;
      await write(target.stream, chunk);
      target.open = chunk.at(-1) !== 10;
    }
  } catch {
    // A stream that nobody reads any more (a closed pipe) must not end the tasks.
  }
  discard(path);
}

function write(stream: NodeJS.WritableStream, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
}
