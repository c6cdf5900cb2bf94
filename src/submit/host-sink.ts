/**
 * The way of a host's bundles to its submitter's thread, which passes them on as they were packed here: to read and pack them again was half of what that
 * thread did.
 */
import { type Deferred, deferred } from '../base/deferred.ts';
import type { MillraceError } from '../base/errors.ts';
import { ValuePacker } from '../protocol/codec.ts';
import { defaultLimits } from '../protocol/limits.ts';
import type { Submitted } from '../protocol/messages.ts';
import type { BundleSink, Receipt } from '../source/pump.ts';
import type { WireTask } from '../task/task.ts';
import type { Connection } from '../transport/connection.ts';
import { type Bundle, bundleEvent } from './messages.ts';

export class HostSink implements BundleSink {
  readonly #connection: Pick<Connection, 'send'>;
  readonly #packer: ValuePacker = new ValuePacker(defaultLimits);
  readonly #waiting: Map<number, Deferred<Receipt>> = new Map();
  #error: MillraceError | null = null;

  constructor(connection: Pick<Connection, 'send'>) {
    this.#connection = connection;
  }

  /** @throws ERR_NOT_CLONEABLE, ERR_FRAME_TOO_LARGE */
  async send(sequence: number, tasks: WireTask[]): Promise<Receipt> {
    if (this.#error !== null) throw this.#error;
    const bundle: Bundle = [sequence, this.#packer.pack(tasks).bytes];
    const done = deferred<Receipt>();
    this.#waiting.set(sequence, done);
    this.#connection.send(['event', bundleEvent, bundle]);
    return done.promise;
  }

  receive([, , sequence, receipt]: Submitted): void {
    const done = this.#waiting.get(sequence);
    this.#waiting.delete(sequence);
    done?.resolve(receipt);
  }

  /** The thread is gone: what waits is rejected, and all that follows. */
  fail(error: MillraceError): void {
    this.#error = error;
    for (const done of this.#waiting.values()) done.reject(error);
    this.#waiting.clear();
  }

  /** No more bundles. */
  finish(): void {
    this.#connection.send(['submitter-done', '']);
  }
}
