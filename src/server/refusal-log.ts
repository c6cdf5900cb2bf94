/** What is logged of connections that were refused: whoever knocks must not be able to fill the log. */
import type { Clock } from '../base/clock.ts';
import type { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

/** So many in a time (ms) have a line each; the rest is counted. */
const most = 20;
const span = 10_000;

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #since = Number.NEGATIVE_INFINITY;
  #told = 0;
  #untold = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  refused(error: MillraceError, remote: { readonly host: string; readonly port: number } | null): void {
    const now = this.#clock.now();
    if (now - this.#since >= span) {
      if (this.#untold > 0) this.#logger.warn({ refused: this.#untold }, 'further connections were refused');
      this.#since = now;
      this.#told = 0;
      this.#untold = 0;
    }
    if (this.#told < most) {
      this.#told++;
      this.#logger.warn({ err: error, remote }, 'a connection was refused');
    } else this.#untold++;
  }
}
