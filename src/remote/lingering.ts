/** Streams of a daemon that may be read on over another connection: kept for a while when theirs is lost. */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { StreamSource } from './stream-source.ts';

interface Entry {
  readonly source: StreamSource;
  stopTimer: (() => void) | null;
  /** Takes it from the connection that has it. */
  leave(): void;
}

export class Lingering {
  readonly #clock: Clock;
  readonly #linger: number;
  readonly #entries: Map<string, Entry> = new Map();

  /** `linger`: ms. */
  constructor(clock: Clock, linger: number) {
    this.#clock = clock;
    this.#linger = linger;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A stream has come to a connection. */
  hold(key: string, source: StreamSource, leave: () => void): void {
    const entry = this.#entries.get(key);
    entry?.stopTimer?.();
    this.#entries.set(key, { source, leave, stopTimer: null });
  }

  /** Its connection is lost: it stays until somebody reads on, or closes after a while. */
  release(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.leave = () => {};
    entry.stopTimer = this.#clock.after(
      this.#linger,
      () => {
        this.drop(key);
        entry.source.close();
      },
      { unref: true },
    );
  }

  /** Somebody reads on, perhaps before its old connection is known to be lost. @throws ERR_OBJECT */
  take(key: string): StreamSource {
    const entry = this.#entries.get(key);
    if (entry === undefined) throw new MillraceError('ERR_OBJECT', 'the stream is not kept any more: read it from its beginning');
    entry.leave();
    return entry.source;
  }

  drop(key: string): void {
    this.#entries.get(key)?.stopTimer?.();
    this.#entries.delete(key);
  }

  end(): void {
    for (const [key, { source }] of this.#entries) {
      this.drop(key);
      source.close();
    }
  }
}
