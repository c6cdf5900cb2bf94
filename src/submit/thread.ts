/** The handle of a submitter. The host's iterables are read in the host, under the same back-pressure; a file is read in the thread. */
import { MessageChannel } from 'node:worker_threads';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import { isTraced } from '../base/traced.ts';
import type { Parsed, Source } from '../config/shared-options.ts';
import { parseSubmitOptions } from '../config/submit.ts';
import type { SubmitConfig, SubmitHooks, SubmitOptions } from '../config/submit-options.ts';
import { filePathOf, openSource } from '../source/open.ts';
import { Pump, type PumpTotals } from '../source/pump.ts';
import type { SourceReader } from '../source/reader.ts';
import { pumpOptions } from '../source/submission.ts';
import type { Duration } from '../task/task.ts';
import { type LifecycleEvents, type StopOptions, ThreadHandle } from '../threads/handle.ts';
import { MessagePortConnection } from '../transport/message-port.ts';
import { HostSink } from './host-sink.ts';
import type { SubmitThreadData } from './messages.ts';

const entry = new URL('./entry.js', import.meta.url);

/** As the client's: what is under way dies young. */
const resourceLimits = { maxYoungGenerationSizeMb: 12 } as const;

/** What a submission did. */
export type SubmitSummary = PumpTotals;

/** A submission in a thread of its own, no faster than its tasks are stored. (Source: HyperShell, `SubmitThread`, `LiveSubmitThread`.) */
export class SubmitThread extends ThreadHandle<LifecycleEvents<null, SubmitSummary>, null, SubmitSummary> {
  readonly #count: Int32Array;
  readonly #connection: MessagePortConnection | null;
  #pump: Pump | null = null;
  #sourceError: MillraceError | null = null;

  /**
   * Start to submit a source; resolves when its first connection stands (or the store is open). (Source: HyperShell, `SubmitThread.new`.)
   * Errors: ERR_OPTION and its kin, ERR_SOURCE_NOT_FOUND, ERR_CONNECT_TIMEOUT, ERR_AUTH, ERR_DATABASE_IN_USE.
   */
  static async new(source: Source, options: SubmitOptions): Promise<SubmitThread> {
    const parsed = parseSubmitOptions(options);
    return isTraced() ? SubmitThread.#traced(source, parsed) : SubmitThread.#new(source, parsed);
  }

  /** Its tasks carry the context of a span that ends with it. */
  static async #traced(source: Source, parsed: Parsed<SubmitConfig, SubmitHooks>): Promise<SubmitThread> {
    const { startSubmission } = await import('../base/tracing.ts');
    const span = await startSubmission();
    if (span === null) return SubmitThread.#new(source, parsed);
    const failed = (thrown: unknown): void => {
      span.fail(thrown);
      span.end();
    };
    const config = { ...parsed.config, attributes: { ...parsed.config.attributes, env: span.environment() } };
    try {
      const submitter = await SubmitThread.#new(source, { ...parsed, config });
      submitter.join().then(() => span.end(), failed);
      return submitter;
    } catch (thrown) {
      failed(thrown);
      throw thrown;
    }
  }

  static async #new(source: Source, parsed: Parsed<SubmitConfig, SubmitHooks>): Promise<SubmitThread> {
    const reader = filePathOf(source) === null ? await openSource(source) : null;
    const submitter = new SubmitThread(source, parsed, reader !== null);
    try {
      await submitter.open();
    } catch (error) {
      await reader?.close();
      throw error;
    }
    if (reader !== null) submitter.#begin(reader, parsed.config, parsed.hooks.signal);
    return submitter;
  }

  private constructor(source: Source, { config, hooks }: Parsed<SubmitConfig, SubmitHooks>, hosted: boolean) {
    const { port1, port2 } = new MessageChannel();
    const count = new SharedArrayBuffer(4);
    const id = newId();
    const data: SubmitThreadData = { config, sourcePath: filePathOf(source), host: hosted ? port2 : null, count };
    super({
      entry,
      name: 'millrace submitter',
      id,
      data,
      resourceLimits,
      transfer: hosted ? [port2] : [],
      logger: hooks.logger,
      ...(hooks.signal === null ? {} : { signal: hooks.signal }),
    });
    this.#count = new Int32Array(count);
    const peer = { role: 'submitter' as const, id, host: hostName(), pid: process.pid };
    this.#connection = hosted ? new MessagePortConnection({ port: port1, peer, clock: this.clock }) : null;
    if (!hosted) {
      port1.close();
      port2.close();
    }
  }

  /** Tasks submitted so far: those that were committed. */
  get count(): number {
    return Atomics.load(this.#count, 0);
  }

  /** Resolves when the last task is committed. Errors: ERR_SOURCE, with `strict` those of a malformed task, ERR_ABORTED, ERR_JOIN_TIMEOUT. */
  override async join(timeout?: Duration): Promise<SubmitSummary> {
    const summary = await super.join(timeout);
    if (this.#sourceError !== null) throw this.#sourceError;
    return summary;
  }

  override async stop(options: StopOptions = {}): Promise<void> {
    void this.#pump?.stop().catch(() => {});
    await super.stop(options);
  }

  override async pause(): Promise<void> {
    this.#pump?.pause();
    await super.pause();
  }

  override async resume(): Promise<void> {
    this.#pump?.resume();
    await super.resume();
  }

  #begin(reader: SourceReader, config: SubmitConfig, signal: AbortSignal | null): void {
    const connection = this.#connection!;
    const sink = new HostSink(connection);
    connection.start({
      message: (message) => {
        if (message[0] === 'submitted') sink.receive(message);
      },
      closed: (error) => sink.fail(error ?? new MillraceError('ERR_ENDED', 'the submitter has ended')),
    });
    this.#pump = new Pump(reader, pumpOptions(config), sink, this.clock, signal);
    const finish = (): void => {
      sink.finish();
      connection.close();
    };
    this.#pump.done.then(finish, (error: unknown) => {
      this.#sourceError = MillraceError.from(error, 'ERR_SOURCE');
      finish();
    });
  }
}
