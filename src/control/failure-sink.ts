/** The host's end of `redirectFailures`: a stream that gets lines, or a function that is called with each. One at a time; a stream that is full is waited for. */
import type { Writable } from 'node:stream';
import { MillraceError } from '../base/errors.ts';
import type { ServerHooks } from '../config/server-options.ts';

export class FailureSink {
  readonly #target: Writable | ((args: string) => void);
  readonly #broken: (cause: Error) => void;

  /** `failed`: the stream failed, also when nothing was being written to it. */
  constructor(target: NonNullable<ServerHooks['redirectFailures']>, failed: (error: MillraceError) => void) {
    this.#target = target;
    this.#broken = (cause) => failed(unwritable(cause));
    if (typeof target !== 'function' && typeof target.on === 'function') target.on('error', this.#broken);
  }

  /** Each of these, in order. `settled` waits for a promise, as long as the host has the time. Rejects with what the function threw, or ERR_REDIRECT. */
  async take(lines: readonly string[], settled: (promised: void | Promise<void>) => Promise<void>): Promise<void> {
    const target = this.#target;
    if (typeof target !== 'function') {
      await settled(written(target, `${lines.join('\n')}\n`));
      return;
    }
    for (const line of lines) {
      const promised: unknown = target(line);
      if (promised instanceof Promise) await settled(promised);
    }
  }

  /** Nothing will be written any more. */
  close(): void {
    const target = this.#target;
    if (typeof target !== 'function' && typeof target.removeListener === 'function') target.removeListener('error', this.#broken);
  }
}

function written(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    try {
      stream.write(text, (cause?: Error | null) => (cause ? reject(unwritable(cause)) : resolve()));
    } catch (thrown) {
      reject(unwritable(thrown instanceof Error ? thrown : new Error(String(thrown))));
    }
  });
}

function unwritable(cause: Error): MillraceError {
  return new MillraceError('ERR_REDIRECT', `the stream of redirectFailures cannot be written: ${cause.message}`, { cause });
}
