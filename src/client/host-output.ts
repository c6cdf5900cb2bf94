/**
 * The host's side of output: calls the callback of `capture` one line at a time, writes whole outputs to the streams of `redirectOutput` and
 * `redirectErrors`, and tells the thread of each piece when it was dealt with. Three queues that do not wait for each other: lines, and one for each
 * stream. The first error of any of them is kept, told to the thread, and what comes after it is not dealt with.
 */
import type { MessagePort } from 'node:worker_threads';
import { MillraceError } from '../base/errors.ts';
import type { ClientHooks } from '../config/client-options.ts';
import { RedirectStream } from '../output/redirect-stream.ts';
import { toWireError } from '../protocol/wire-error.ts';
import type { OutputAnswer, OutputMessage } from './output-messages.ts';

type LinesMessage = Extract<OutputMessage, readonly ['lines', ...unknown[]]>;
type Hooks = Pick<ClientHooks, 'onLine' | 'redirectOutput' | 'redirectErrors'>;
type Stream = 'stdout' | 'stderr';

export class HostOutput {
  readonly #port: MessagePort;
  readonly #onLine: Hooks['onLine'];
  readonly #streams: Readonly<Record<Stream, RedirectStream | null>>;
  readonly #queues: Record<OutputMessage[0], Promise<void>> = {
    lines: Promise.resolve(),
    stdout: Promise.resolve(),
    stderr: Promise.resolve(),
  };
  /** Settles what is being waited for. */
  readonly #releases: Set<() => void> = new Set();
  #hurried = false;
  #thrown: { readonly error: unknown } | null = null;

  constructor(port: MessagePort, hooks: Hooks) {
    this.#port = port;
    const { onLine, redirectOutput, redirectErrors } = hooks;
    this.#onLine = onLine;
    const stdout = redirectOutput === null ? null : this.#stream(redirectOutput);
    const same = redirectErrors !== null && redirectErrors === redirectOutput;
    this.#streams = { stdout, stderr: same ? stdout : redirectErrors === null ? null : this.#stream(redirectErrors) };
    port.once('close', () => this.release());
    port.on('message', (message: OutputMessage) => {
      const [queue] = message;
      this.#queues[queue] = this.#queues[queue].then(() => this.#deal(message));
    });
  }

  /** What the callback threw, as it is, or what became of a stream; null: nothing failed. */
  get thrown(): { readonly error: unknown } | null {
    return this.#thrown;
  }

  /** From now on everything is handed over, and what that promises is not waited for. */
  hurry(): void {
    this.#hurried = true;
    for (const release of this.#releases) release();
  }

  /** The thread is gone: the streams are the user's alone. Its port may close a round of the event loop later than its end is told. */
  release(): void {
    this.#streams.stdout?.release();
    this.#streams.stderr?.release();
  }

  #stream(target: NonNullable<Hooks['redirectOutput']>): RedirectStream {
    return new RedirectStream(target, 'the stream that output is redirected to', (error) => this.#failed(error));
  }

  async #deal(message: OutputMessage): Promise<void> {
    const sequence = message[1];
    try {
      if (this.#thrown === null) await (message[0] === 'lines' ? this.#lines(message) : this.#write(message[0], message[2]));
    } catch (thrown) {
      this.#failed(thrown);
    }
    // A piece that was not dealt with is not answered: the error that ends the client was told.
    if (this.#thrown === null) this.#answer(['done', sequence]);
  }

  #answer(answer: OutputAnswer): void {
    try {
      this.#port.postMessage(answer);
    } catch {
      // Details of what was thrown cannot be cloned; `join` gives them all the same.
      const error = new MillraceError('ERR_INTERNAL', 'the callback of `capture` threw');
      this.#port.postMessage(['failed', 0, toWireError(error)] satisfies OutputAnswer);
    }
  }

  async #lines([, , id, attempt, slot, stream, text]: LinesMessage): Promise<void> {
    const onLine = this.#onLine;
    if (onLine === null) return;
    for (const line of text.split('\n')) {
      const promised = onLine({ id, attempt, slot, stream, line });
      // A callback that returns nothing costs no turn of the loop.
      if (promised !== undefined) await this.#settled(promised);
      if (this.#thrown !== null) return;
    }
  }

  async #write(name: Stream, bytes: Uint8Array): Promise<void> {
    const stream = this.#streams[name];
    if (stream !== null) await this.#settled(stream.write(bytes));
  }

  async #settled(promised: void | Promise<void>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#releases.add(resolve);
      const done = (): void => void this.#releases.delete(resolve);
      Promise.resolve(promised).then(resolve, reject).finally(done);
      if (this.#hurried) resolve();
    });
  }

  /** The first error is what counts; whoever waits for something else does so no longer. */
  #failed(error: unknown): void {
    if (this.#thrown !== null) return;
    this.#thrown = { error };
    this.#answer(['failed', 0, toWireError(MillraceError.from(error))]);
    for (const release of this.#releases) release();
  }
}
