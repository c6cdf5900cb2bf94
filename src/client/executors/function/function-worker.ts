/**
 * What runs in a function's thread: the calls of a batch, one after the other, each in its own asynchronous context.
 *
 * Ends stand in the journal until the batch is answered; they are sent when more than a millisecond has passed since the last were, or
 * when they do not fit. An error that no call caught is laid to the call whose context it comes from, not to the one that happens to run.
 */
import { MessageChannel, type MessagePort, parentPort } from 'node:worker_threads';
import { systemClock } from '../../../base/clock.ts';
import type { TaskError } from '../../../task/result.ts';
import { decodeValue, encodeValue } from '../../../task/value.ts';
import { type FunctionContext, functionContexts } from './context.ts';
import { type Batch, type CallEnd, itemsPerCall, Journal, mark, type ThreadMessage } from './journal.ts';
import { type AnyFunction, knownFunction, loadFunction } from './target.ts';

const longestMessage = 8_192;
/** Ends wait this long to be sent together, in ms. */
const flushAfter = 1;

function taskError(thrown: unknown): TaskError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown).slice(0, longestMessage), code: null, stack: null };
  const code: unknown = 'code' in thrown ? thrown.code : null;
  return {
    name: String(thrown.name),
    message: String(thrown.message).slice(0, longestMessage),
    code: typeof code === 'string' ? code : null,
    stack: typeof thrown.stack === 'string' ? thrown.stack.slice(0, longestMessage) : null,
  };
}

function send(message: ThreadMessage, ports: readonly MessagePort[] = []): void {
  parentPort?.postMessage(message, ports);
}

/** The context of one call; its signal costs nothing until it is asked for. */
class CallContext implements FunctionContext {
  readonly #batch: RunningBatch;
  readonly id: string;
  readonly attempt: number;
  #controller: AbortController | null = null;
  #port: MessagePort | null = null;
  settled = false;

  constructor(batch: RunningBatch, id: string, attempt: number) {
    this.#batch = batch;
    this.id = id;
    this.attempt = attempt;
  }

  get slot(): number {
    return this.#batch.slot;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#batch.journal.aborted && !this.settled) controller.abort();
      else if (!this.settled) {
        const { port1, port2 } = new MessageChannel();
        this.#port = port1;
        port1.once('message', () => controller.abort());
        port1.unref();
        send([mark, 'abort-port', this.#batch.slot, this.#batch.number, port2], [port2]);
      }
    }
    return this.#controller.signal;
  }

  settle(): void {
    this.settled = true;
    this.#port?.close();
  }
}

class RunningBatch {
  readonly slot: number;
  readonly number: number;
  readonly journal: Journal;
  context: CallContext | null = null;
  #unsent: CallEnd[] = [];
  #sent = 0;
  #flushed = systemClock.now();

  constructor(slot: number, number: number, journal: Journal) {
    this.slot = slot;
    this.number = number;
    this.journal = journal;
  }

  end(end: CallEnd): void {
    this.#unsent.push(end);
    if (!this.journal.add(end)) this.flush();
  }

  flushIfDue(now: number): void {
    if (now - this.#flushed > flushAfter && this.#unsent.length > 0) this.flush();
  }

  flush(): void {
    send([mark, 'ends', this.slot, this.number, this.#unsent]);
    this.#sent += this.#unsent.length;
    this.journal.clear(this.#sent);
    this.#unsent = [];
    this.#flushed = systemClock.now();
  }
}

let current: RunningBatch | null = null;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function argumentsOf(input: string | Uint8Array | null): unknown[] {
  if (input === null) return [];
  const args = decodeValue(input);
  return Array.isArray(args) ? args : [args];
}

function encoded(value: unknown): string | Uint8Array | null {
  return value === undefined ? null : encodeValue(value);
}

/**
 * Runs the calls of a batch in order. Resolves when they have ended, with their ends sent or in the journal; fewer than the calls when it
 * was aborted: what had not begun is not begun.
 */
export async function runBatch({ slot, number, targets, calls, shared }: Batch): Promise<void> {
  const journal = new Journal(shared);
  const running = new RunningBatch(slot, number, journal);
  const functions: (AnyFunction | undefined)[] = targets.map(knownFunction);
  current = running;
  for (let item = 0; item < calls.length; item += itemsPerCall) {
    if (journal.aborted) break;
    const at = item / itemsPerCall;
    const startedAt = systemClock.wall();
    const from = systemClock.now();
    running.flushIfDue(from);
    journal.running = at;
    const context = new CallContext(running, calls[item] as string, calls[item + 1] as number);
    const target = calls[item + 2] as number;
    running.context = context;
    let value: string | Uint8Array | null = null;
    let error: TaskError | null = null;
    try {
      const called = functions[target] ?? (await functionContexts.run(context, loadFunction, targets[target]!));
      functions[target] = called;
      const given = functionContexts.run(context, called, ...argumentsOf(calls[item + 3] as string | Uint8Array | null));
      value = encoded(isThenable(given) ? await given : given);
    } catch (thrown) {
      error = taskError(thrown);
    }
    context.settle();
    running.context = null;
    // Whole microseconds: seventeen digits take as long to write as the rest of the end.
    running.end([at, startedAt, Math.round((systemClock.now() - from) * 1_000) / 1_000, value, error]);
  }
  current = null;
}

/** An error that nobody caught. */
function uncaught(thrown: unknown): void {
  const owner = functionContexts.getStore();
  const late = owner instanceof CallContext && owner.settled;
  const batch = current;
  const context = batch?.context ?? null;
  if (late || batch === null || context === null) {
    send([mark, 'late', owner?.id ?? '', thrown instanceof Error ? String(thrown.stack ?? thrown.message) : String(thrown)]);
    return;
  }
  // The module's state is unknown now: the call fails and the thread goes with it.
  const { message, stack } = taskError(thrown);
  const error = { name: 'MillraceError', message: `an error that nothing caught: ${message}`, code: 'ERR_WORKER_CRASHED', stack };
  batch.end([batch.journal.running, systemClock.wall(), 0, null, error]);
  process.exit(1);
}

process.on('uncaughtException', uncaught);
process.on('unhandledRejection', uncaught);
// `process.exit()` in a function: what is done leaves with the thread.
process.on('exit', () => current?.flush());
