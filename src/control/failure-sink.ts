/** The host's end of `redirectFailures`: a stream that gets lines, or a function that is called with each. One at a time; a stream that is full is waited for. */
import type { MillraceError } from '../base/errors.ts';
import type { ServerHooks } from '../config/server-options.ts';
import { RedirectStream } from '../output/redirect-stream.ts';

export class FailureSink {
  readonly #target: RedirectStream | ((args: string) => void);

  /** `failed`: the stream failed, also when nothing was being written to it. */
  constructor(target: NonNullable<ServerHooks['redirectFailures']>, failed: (error: MillraceError) => void) {
    this.#target = typeof target === 'function' ? target : new RedirectStream(target, 'the stream of redirectFailures', failed);
  }

  /** Each of these, in order. `settled` waits for a promise, as long as the host has the time. Rejects with what the function threw, or ERR_REDIRECT. */
  async take(lines: readonly string[], settled: (promised: void | Promise<void>) => Promise<void>): Promise<void> {
    const target = this.#target;
    if (typeof target !== 'function') {
      await settled(target.write(`${lines.join('\n')}\n`));
      return;
    }
    for (const line of lines) {
      const promised: unknown = target(line);
      if (promised instanceof Promise) await settled(promised);
    }
  }

  /** Nothing will be written any more. */
  close(): void {
    if (typeof this.#target !== 'function') this.#target.release();
  }
}
