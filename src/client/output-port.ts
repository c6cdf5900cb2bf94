/** The thread's side of output that its host takes: lines and whole outputs go there piece by piece, and whoever gave one waits until it was dealt with. */
import type { MessagePort } from 'node:worker_threads';
import { type Deferred, deferred } from '../base/deferred.ts';
import type { MillraceError } from '../base/errors.ts';
import { fromWireError } from '../protocol/wire-error.ts';
import type { OutputLines } from './executor.ts';
import type { OutputSink } from './executors/shell/redirection.ts';
import type { OutputAnswer, OutputMessage } from './output-messages.ts';

export class OutputPort {
  readonly #port: MessagePort;
  readonly #waiting: Map<number, Deferred<void>> = new Map();
  #last = 0;

  /** `failed`: the host's callback threw, or a stream of it cannot be written; who waits then waits for ever. */
  constructor(port: MessagePort, failed: (error: MillraceError) => void) {
    this.#port = port;
    port.on('message', (answer: OutputAnswer) => {
      if (answer[0] === 'failed') {
        failed(fromWireError(answer[2]));
        return;
      }
      this.#waiting.get(answer[1])?.resolve();
      this.#waiting.delete(answer[1]);
    });
    // It does not keep the thread: what runs does.
    port.unref();
  }

  /** Resolves when the host has dealt with all of them. */
  lines({ id, attempt, slot, stream, lines }: OutputLines): Promise<void> {
    return this.#send(['lines', ++this.#last, id, attempt, slot, stream, lines.join('\n')]);
  }

  /** The host's stream for all standard outputs, or all standard errors. */
  sink(stream: 'stdout' | 'stderr'): OutputSink {
    return {
      write: (bytes) => this.#send([stream, ++this.#last, bytes], [bytes.buffer as ArrayBuffer]),
      close: async () => this.#release(),
    };
  }

  close(): void {
    this.#release();
    this.#port.close();
  }

  /** Nobody deals with what is still on its way: who waits for it goes on. */
  #release(): void {
    for (const waiting of this.#waiting.values()) waiting.resolve();
    this.#waiting.clear();
  }

  #send(message: OutputMessage, transfer: readonly ArrayBuffer[] = []): Promise<void> {
    const answer = deferred<void>();
    this.#waiting.set(message[1], answer);
    this.#port.postMessage(message, transfer);
    return answer.promise;
  }
}
