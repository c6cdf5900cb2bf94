/** Looks from time to time, while commands run, whether one has written more than it may: output that nobody stops fills the disk. */
import type { Clock } from '../../../base/clock.ts';
import { type CommandFiles, sizeOf } from './spool.ts';

/** How often the size of running commands' output is looked at, in ms. */
const interval = 1_000;

export class OutputWatch {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #check: (tooMuch: (files: CommandFiles) => boolean) => boolean;
  #cancel: (() => void) | null = null;

  /** `limit`: bytes of both streams together. `check` looks at what runs, and says whether anything does. */
  constructor(limit: number, clock: Clock, check: (tooMuch: (files: CommandFiles) => boolean) => boolean) {
    this.#limit = limit;
    this.#clock = clock;
    this.#check = check;
  }

  /** A command began. */
  begin(): void {
    this.#cancel ??= this.#clock.after(
      interval,
      () => {
        this.#cancel = null;
        if (this.#check((files) => sizeOf(files.output) + sizeOf(files.errors) > this.#limit)) this.begin();
      },
      { unref: true },
    );
  }

  close(): void {
    this.#cancel?.();
  }
}
