/** Tasks ended per second of late, for the estimate of the time left: counts of the last ten seconds, by second. */
const seconds = 10;

export class RateMeter {
  readonly #counts: number[] = new Array<number>(seconds).fill(0);
  readonly #startedAt: number;
  #current: number;

  constructor(now: number) {
    this.#startedAt = now;
    this.#current = Math.floor(now / 1000);
  }

  add(tasks: number, now: number): void {
    this.#advance(now);
    this.#counts[this.#current % seconds]! += tasks;
  }

  perSecond(now: number): number {
    this.#advance(now);
    const span = Math.min((seconds - 1) * 1000 + (now % 1000), now - this.#startedAt);
    if (span <= 0) return 0;
    return (this.#counts.reduce((sum, count) => sum + count, 0) / span) * 1000;
  }

  #advance(now: number): void {
    const second = Math.floor(now / 1000);
    for (let passed = Math.min(seconds, second - this.#current); passed > 0; passed--) this.#counts[(second - passed + 1) % seconds] = 0;
    this.#current = Math.max(this.#current, second);
  }
}
