/**
 * One component's thread as the host holds it: its Worker, its control port, what was asked and not yet answered, and the one way in which
 * it ends. The handle above it makes of this what users see.
 *
 * States. *starting* until `ready` settles; *running*; *leaving* after the component said `ended` or `failed`: it frees what it has, and is
 * ended by force after `leavingTime`; *gone* when the Worker has exited: only then is `ended` called, once, so that whoever waits for the
 * end finds no thread left; a component that *lingers* for its readers is the exception: its thread goes when they have read. A Worker that exits without a word (memory, `process.exit`, an entry that does not load) is ERR_THREAD.
 */
import { type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { fromWireError } from '../protocol/wire-error.ts';
import type { HostMessage, ThreadMessage } from './messages.ts';
import { startThread, type ThreadOptions } from './spawn.ts';

export interface ControlHandlers<Info, End> {
  /** Follows the settling of `ready`. */
  begun(info: Info): void;
  event(name: string, value: unknown): void;
  /** Called once, last, when the thread is gone. */
  ended(outcome: { readonly end: End } | { readonly error: MillraceError }): void;
}

export interface ControlOptions extends ThreadOptions {
  readonly entry: URL;
  readonly clock: Clock;
  readonly logger: Logger;
}

// Longer than what a failing component is given to clean up by itself.
const leavingTime = 3_000;

export class ThreadControl<Info, End> {
  readonly #options: ControlOptions;
  readonly #handlers: ControlHandlers<Info, End>;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #ready: Deferred<Info> = deferred<Info>();
  readonly #requests = new Map<number, Deferred<unknown>>();
  #info: Info | null = null;
  #last = 0;
  #outcome: { readonly end: End } | { readonly error: MillraceError } | null = null;
  #gone = false;
  #told = false;
  #forget: () => void = () => {};

  /** @throws ERR_NOT_CLONEABLE, ERR_THREAD */
  constructor(options: ControlOptions, handlers: ControlHandlers<Info, End>) {
    this.#options = options;
    this.#handlers = handlers;
    // An error before the thread is ready is also given to `ended`, and nobody has to await both.
    this.#ready.promise.catch(() => {});
    const { worker, port } = startThread(options.entry, options);
    this.#worker = worker;
    this.#port = port;
    port.on('message', (message: ThreadMessage) => this.#handle(message));
    worker.on('error', (cause: Error) => this.#leaving({ error: this.#died(cause) }));
    worker.on('messageerror', (cause: Error) =>
      this.fail(new MillraceError('ERR_THREAD', 'a message of the thread could not be read', { cause })),
    );
    worker.on('exit', (code) => this.#exited(code));
  }

  /** Resolves with what the component told of itself. */
  get ready(): Promise<Info> {
    return this.#ready.promise;
  }

  /** How it ends is settled; it may still be cleaning up. */
  get leaving(): boolean {
    return this.#outcome !== null;
  }

  stop(drain: boolean): void {
    this.#send(['stop', drain]);
  }

  listen(names: readonly string[]): void {
    this.#send(['listen', names]);
  }

  request(name: string, value: unknown): Promise<unknown> {
    if (this.#outcome !== null) return Promise.reject(this.#tooLate(name));
    const id = ++this.#last;
    try {
      this.#send(['request', id, name, value]);
    } catch (cause) {
      const message = reasonOf(cause);
      return Promise.reject(
        new MillraceError('ERR_NOT_CLONEABLE', `what '${name}' is given cannot cross to the component: ${message}`, { cause }),
      );
    }
    const answer = deferred<unknown>();
    this.#requests.set(id, answer);
    return answer.promise;
  }

  /** Ends the thread by force, with this error unless it has one. */
  fail(error: MillraceError): void {
    this.#leaving({ error });
    void this.#worker.terminate();
  }

  #send(message: HostMessage): void {
    if (!this.#gone) this.#port.postMessage(message);
  }

  #handle(message: ThreadMessage): void {
    switch (message[0]) {
      case 'ready':
        this.#info = message[1] as Info;
        this.#ready.resolve(this.#info);
        return;
      case 'begun':
        this.#handlers.begun(this.#info as Info);
        return;
      case 'event':
        this.#handlers.event(message[1], message[2]);
        return;
      case 'answer':
        this.#take(message[1])?.resolve(message[2]);
        return;
      case 'refusal':
        this.#take(message[1])?.reject(fromWireError(message[2]));
        return;
      case 'failed':
        this.#leaving({ error: fromWireError(message[1]) }, message[2]);
        return;
      case 'ended':
        this.#leaving({ end: message[1] as End }, message[2]);
    }
  }

  #take(id: number): Deferred<unknown> | undefined {
    const waiting = this.#requests.get(id);
    this.#requests.delete(id);
    return waiting;
  }

  /** The first outcome counts. */
  #leaving(outcome: { readonly end: End } | { readonly error: MillraceError }, lingers = false): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    if (this.#gone) return;
    if (lingers) {
      // Whoever reads on keeps the connection; the process may end without that.
      this.#worker.unref();
      this.#port.unref();
      this.#over(outcome);
      return;
    }
    this.#forget = this.#options.clock.after(leavingTime, () => {
      this.#options.logger.warn(
        { thread: this.#options.name, id: this.#options.id },
        'the thread left something open and was ended by force',
      );
      void this.#worker.terminate();
    });
  }

  #exited(code: number): void {
    // What the thread sent last may still be in the port.
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port))
      this.#handle(next.message as ThreadMessage);
    this.#gone = true;
    this.#forget();
    this.#port.close();
    const outcome = this.#outcome ?? { error: this.#died(new Error(`exit code ${code}`)) };
    this.#outcome = outcome;
    this.#over(outcome);
  }

  /** Once: nothing is answered any more. */
  #over(outcome: { readonly end: End } | { readonly error: MillraceError }): void {
    if (this.#told) return;
    this.#told = true;
    this.#ready.reject('error' in outcome ? outcome.error : new MillraceError('ERR_ENDED', 'the component ended before it was ready'));
    for (const waiting of this.#requests.values()) waiting.reject('error' in outcome ? outcome.error : this.#tooLate('the request'));
    this.#requests.clear();
    this.#handlers.ended(outcome);
  }

  #died(cause: Error): MillraceError {
    return new MillraceError('ERR_THREAD', `the thread '${this.#options.name}' ended unexpectedly: ${cause.message}`, { cause });
  }

  #tooLate(what: string): MillraceError {
    return new MillraceError('ERR_ENDED', `${what} comes too late: the component has ended; start a new one`);
  }
}
