/**
 * How often an address may fail to prove itself. Nobody is shut out: who shares an address with an attacker gets in all the same, at most
 * a little later.
 *
 * Each address has a bucket of failures, of which one leaks every `slowestPace`. While it is not full, attempts are judged at once. When it is, they wait, and
 * at a pace that grows to the same one of those that wait, chosen by lot, is judged: the lot gives each the same chance, whoever came first. A
 * success takes nothing from the bucket and lets the next one in at once, so that any number of those that hold the key pass one after the other.
 */
import type { Clock } from '../base/clock.ts';
import type { Limits } from '../protocol/limits.ts';

export type PaceLimits = Pick<Limits, 'failures' | 'firstPace' | 'slowestPace' | 'remembered'>;

/** `charged`: its failure is counted already, to be given back on success. */
type Attempt = (charged: boolean) => void;

interface Bucket {
  failures: number;
  /** ms between two that are judged while it is full. */
  pace: number;
  /** Monotonic: until when it has leaked. */
  at: number;
  readonly waiting: Set<Attempt>;
  stopTimer: (() => void) | null;
}

export class FailurePace {
  readonly #limits: PaceLimits;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #buckets: Map<string, Bucket> = new Map();

  constructor(limits: PaceLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Addresses with failures that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Calls `go` now or when it is this attempt's turn. Gives the way to wait no longer, which says whether it still did. */
  admit(origin: string | null, go: Attempt): () => boolean {
    const bucket = origin === null ? undefined : this.#leak(origin);
    if (origin === null || bucket === undefined || (bucket.waiting.size === 0 && bucket.failures < this.#limits.failures)) {
      go(false);
      return () => false;
    }
    bucket.waiting.add(go);
    this.#arm(origin, bucket, bucket.pace);
    return () => bucket.waiting.delete(go);
  }

  failed(origin: string | null, charged: boolean): void {
    if (origin === null) return;
    const { failures: most, firstPace, slowestPace } = this.#limits;
    let bucket = this.#leak(origin);
    if (bucket === undefined) {
      bucket = { failures: 0, pace: firstPace, at: this.#clock.now(), waiting: new Set(), stopTimer: null };
      this.#buckets.set(origin, bucket);
      this.#forgetOldest();
    }
    if (!charged) bucket.failures = Math.min(most, bucket.failures + 1);
    if (bucket.failures >= most) bucket.pace = Math.min(slowestPace, bucket.pace * 2);
  }

  succeeded(origin: string | null, charged: boolean): void {
    if (origin === null || !charged) return;
    const bucket = this.#leak(origin);
    if (bucket === undefined) return;
    bucket.failures = Math.max(0, bucket.failures - 1);
    bucket.stopTimer?.();
    bucket.stopTimer = null;
    this.#arm(origin, bucket, 0);
  }

  /** The listener is closed: those that wait are cut by their own time-outs. */
  close(): void {
    for (const bucket of this.#buckets.values()) bucket.stopTimer?.();
    this.#buckets.clear();
  }

  /** What has leaked by now is taken out; one that is empty is forgotten. */
  #leak(origin: string): Bucket | undefined {
    const bucket = this.#buckets.get(origin);
    if (bucket === undefined) return undefined;
    const { slowestPace } = this.#limits;
    const leaked = Math.floor((this.#clock.now() - bucket.at) / slowestPace);
    if (leaked <= 0) return bucket;
    bucket.at += leaked * slowestPace;
    bucket.failures = Math.max(0, bucket.failures - leaked);
    if (bucket.failures > 0 || bucket.waiting.size > 0) return bucket;
    bucket.stopTimer?.();
    this.#buckets.delete(origin);
    return undefined;
  }

  /** Not sooner than the pace: what others fail meanwhile fills the bucket again, and must not keep those that wait from their turn. */
  #arm(origin: string, bucket: Bucket, due: number): void {
    if (bucket.stopTimer !== null || bucket.waiting.size === 0) return;
    bucket.stopTimer = this.#clock.after(
      due,
      () => {
        bucket.stopTimer = null;
        this.#leak(origin);
        this.#draw(bucket);
        this.#arm(origin, bucket, bucket.pace);
      },
      { unref: true },
    );
  }

  #draw(bucket: Bucket): void {
    const { failures: most } = this.#limits;
    bucket.failures = Math.min(bucket.failures, most - 1);
    while (bucket.waiting.size > 0 && bucket.failures < most) {
      const waiting = [...bucket.waiting];
      const chosen = waiting[Math.floor(this.#clock.random() * waiting.length)]!;
      bucket.waiting.delete(chosen);
      bucket.failures++;
      chosen(true);
    }
  }

  #forgetOldest(): void {
    if (this.#buckets.size <= this.#limits.remembered) return;
    for (const [origin, { waiting }] of this.#buckets) {
      if (waiting.size > 0) continue;
      this.#buckets.delete(origin);
      return;
    }
  }
}
