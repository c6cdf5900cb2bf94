/** How many tasks ended in each of the last seconds: a sample a second, for ten minutes, whoever looks. */
import type { Clock } from '../../base/clock.ts';
import type { Progress } from '../../task/result.ts';

export interface Sample {
  /** ms since the epoch. */
  readonly at: number;
  /** Tasks that ended a second, in the time since the sample before. */
  readonly perSecond: number;
  readonly running: number;
}

const every = 1_000;
const mostSamples = 600;

export class Throughput {
  readonly samples: Sample[] = [];
  readonly #clock: Clock;
  readonly #progress: () => Promise<Progress>;
  readonly #tell: (sample: Sample) => void;
  #last: { readonly ended: number; readonly at: number } | null = null;
  #stop: () => void = () => {};
  #closed = false;

  constructor(clock: Clock, progress: () => Promise<Progress>, tell: (sample: Sample) => void) {
    this.#clock = clock;
    this.#progress = progress;
    this.#tell = tell;
    this.#next();
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #next(): void {
    if (this.#closed) return;
    const sampled = (): void => this.#next();
    this.#stop = this.#clock.after(every, () => void this.#sample().then(sampled, sampled), { unref: true });
  }

  async #sample(): Promise<void> {
    const { succeeded, failed, cancelled, timedOut, lost, rejected, running } = await this.#progress();
    const ended = succeeded + failed + cancelled + timedOut + lost + rejected;
    const at = this.#clock.now();
    // Tasks that were queued again have not ended any more.
    const perSecond = this.#last === null ? 0 : Math.max(0, ((ended - this.#last.ended) * 1_000) / (at - this.#last.at));
    this.#last = { ended, at };
    const sample: Sample = { at: this.#clock.wall(), perSecond: Math.round(perSecond * 10) / 10, running };
    this.samples.push(sample);
    if (this.samples.length > mostSamples) this.samples.shift();
    this.#tell(sample);
  }
}
