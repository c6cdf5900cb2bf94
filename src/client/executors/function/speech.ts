/**
 * What one call says while it runs: how far it is, and lines of its log. It leaves at once when the thread said nothing for 50 ms, else
 * when that time is over; the rest goes with the end of the call. Made for the first word of a call: most say nothing.
 */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { systemClock } from '../../../base/clock.ts';
import { MillraceError } from '../../../base/errors.ts';
import { bytesOf } from '../../../task/size.ts';
import { encodeValue } from '../../../task/value.ts';
import { type EndExtras, type Journal, mark, type ThreadMessage } from './journal.ts';
import type { CallLimits } from './options.ts';

/** Bytes of one word of progress. */
const longestWord = 64 * 1024;
/** A thread says something so often at most, in ms. */
const sayEvery = 50;

/** When this thread said something last. */
let said = Number.NEGATIVE_INFINITY;

/** To the executor. `moved` is empty here from then on. */
export function send(message: ThreadMessage, moved: readonly (MessagePort | ArrayBuffer)[] = []): void {
  parentPort?.postMessage(message, moved);
}

/** What calls of one batch share. */
export interface CallBatch {
  readonly slot: number;
  readonly number: number;
  readonly journal: Journal;
  readonly limits: CallLimits;
}

export class Speech {
  readonly #batch: CallBatch;
  readonly #at: number;
  /** No log is wanted. */
  readonly #mute: boolean;
  /** Bytes of the log that are left. */
  #room: number;
  #word: string | Uint8Array | null = null;
  #log = '';
  #truncated = false;
  #timer: (() => void) | null = null;

  /** @param at The place of the call in its batch. */
  constructor(batch: CallBatch, at: number) {
    this.#batch = batch;
    this.#at = at;
    this.#mute = batch.limits.log === 0;
    this.#room = batch.limits.log;
  }

  progress(value: unknown): void {
    const word = encodeValue(value, 'progress');
    const size = bytesOf(word);
    if (size > longestWord)
      throw new MillraceError('ERR_FRAME_TOO_LARGE', `progress() takes at most ${longestWord} bytes, and this has ${size}: say less`);
    this.#word = word;
    this.#say();
  }

  line(line: string): void {
    if (this.#truncated || this.#mute) return;
    const text = `${line}\n`;
    const size = bytesOf(text);
    if (size > this.#room) {
      this.#truncated = true;
      const start = Buffer.from(text).toString('utf8', 0, this.#room);
      // A character that the cut would part is left out.
      this.#log += start.replace(/\uFFFD$/, '');
    } else {
      this.#log += text;
      this.#room -= size;
    }
    this.#say();
  }

  /** What was said leaves now. */
  flush(): void {
    this.#timer?.();
    this.#timer = null;
    if (this.#word === null && this.#log === '') return;
    const { slot, number, journal } = this.#batch;
    send([mark, 'said', slot, number, this.#at, this.#word, this.#log]);
    journal.say();
    said = systemClock.now();
    this.#word = null;
    this.#log = '';
  }

  /** The call has ended: what nobody was told. */
  rest(): EndExtras | undefined {
    this.#timer?.();
    if (this.#word === null && this.#log === '' && !this.#truncated) return undefined;
    return {
      ...(this.#word === null ? {} : { word: this.#word }),
      ...(this.#log === '' ? {} : { log: this.#log }),
      ...(this.#truncated ? { truncated: true } : {}),
    };
  }

  #say(): void {
    const wait = said + sayEvery - systemClock.now();
    if (wait <= 0) this.flush();
    else this.#timer ??= systemClock.after(wait, () => this.flush(), { unref: true });
  }
}
