/**
 * What runs in a function's thread: the calls of a batch, one after the other, each in its own asynchronous context.
 *
 * Ends stand in the journal until the batch is answered; they are sent when more than a millisecond has passed since the last were, or
 * when they do not fit. An error that no call caught is laid to the call whose context it comes from, not to the one that happens to run.
 */
import { systemClock } from '../../../base/clock.ts';
import { MillraceError } from '../../../base/errors.ts';
import { isThenable } from '../../../base/thenable.ts';
import { isTraced } from '../../../base/traced.ts';
import { libraryError, type TaskError } from '../../../task/result.ts';
import { bytesOf } from '../../../task/size.ts';
import { decodeValue, encodeValue } from '../../../task/value.ts';
import { CallContext } from './call-context.ts';
import { taskError } from './call-error.ts';
import { functionContexts } from './context.ts';
import { type Batch, type CallEnd, itemsPerCall, Journal, mark } from './journal.ts';
import type { CallLimits } from './options.ts';
import { acceptGlobals, areGlobalsChanged } from './shared-globals.ts';
import { send } from './speech.ts';
import { type AnyFunction, isShortage, knownFunction, loadFunction } from './target.ts';
import { ownThread } from './thread-children.ts';
import { writeValue } from './value-file.ts';

/** Ends wait this long to be sent together, in ms. */
const flushAfter = 1;

class RunningBatch {
  readonly slot: number;
  readonly number: number;
  readonly journal: Journal;
  readonly limits: CallLimits;
  context: CallContext | null = null;
  #unsent: CallEnd[] = [];
  #moved: ArrayBuffer[] = [];
  #sent = 0;
  #flushed = systemClock.now();

  constructor({ slot, number, shared, limits }: Batch) {
    this.slot = slot;
    this.number = number;
    this.journal = new Journal(shared);
    this.limits = limits;
  }

  end(end: CallEnd): void {
    // Not by push(): of a list that is empty V8 assumes numbers, and compiles this and what calls it again for what is none (50 ms in each thread).
    this.#unsent[this.#unsent.length] = end;
    const value = end[3];
    // Made by the encoder for this value alone: it need not be copied to the client.
    if (value !== null && typeof value !== 'string') this.#moved.push(value.buffer as ArrayBuffer);
    if (!this.journal.add(end)) this.flush();
  }

  flushIfDue(now: number): void {
    if (now - this.#flushed > flushAfter && this.#unsent.length > 0) this.flush();
  }

  flush(): void {
    send([mark, 'ends', this.slot, this.number, this.#unsent], this.#moved);
    this.#sent += this.#unsent.length;
    this.journal.clear(this.#sent);
    this.#unsent = [];
    this.#moved = [];
    this.#flushed = systemClock.now();
  }
}

let current: RunningBatch | null = null;

const thread = ownThread();

function argumentsOf(input: string | Uint8Array | null): unknown[] {
  if (input === null) return [];
  const args = decodeValue(input);
  return Array.isArray(args) ? args : [args];
}

function encoded(value: unknown): string | Uint8Array | null {
  if (value === undefined) return null;
  if (typeof value === 'object' && value !== null && 'next' in value && (Symbol.iterator in value || Symbol.asyncIterator in value))
    throw new MillraceError(
      'ERR_NOT_CLONEABLE',
      'the function gave an iterator, which cannot leave its thread: give an array of its items',
    );
  return encodeValue(value);
}

/** Three bytes at most for a UTF-16 unit: nearly always the length alone tells. */
function isOver(value: string | Uint8Array, limit: number): boolean {
  return value.length * 3 > limit && bytesOf(value) > limit;
}

/**
 * Runs the calls of a batch in order. Resolves when they have ended, with their ends sent or in the journal; fewer than the calls when it
 * was aborted: what had not begun is not begun. What fails beside a call is the thread's own: some function has changed what all share
 * (`Array.prototype.push`…), and the thread goes, lest the next call fails for it.
 */
export async function runBatch(batch: Batch): Promise<void> {
  try {
    await runCalls(batch);
  } catch (thrown) {
    try {
      uncaught(thrown);
    } finally {
      exitThread(1);
    }
  }
}

async function runCalls(batch: Batch): Promise<void> {
  const { targets, commons, calls, facts } = batch;
  const running = new RunningBatch(batch);
  const { journal, limits } = running;
  // Not by map(): what V8 makes of that is another kind of list than before, and all of this would be compiled again (50 ms in each thread).
  const functions: (AnyFunction | undefined)[] = [];
  for (const target of targets) functions.push(knownFunction(target));
  current = running;
  journal.thread = thread;
  for (let item = 0; item < calls.length; item += itemsPerCall) {
    const at = item / itemsPerCall;
    const startedAt = systemClock.wall();
    const from = systemClock.now();
    running.flushIfDue(from);
    // First said, then asked: the host sees that the call runs, or the call sees that it shall not.
    journal.running = at;
    if (journal.skips(at)) continue;
    if (journal.aborted) {
      journal.running = at - 1;
      break;
    }
    const context = new CallContext(running, at, calls[item] as string, calls[item + 1] as number, facts?.get(at));
    const target = calls[item + 2] as number;
    running.context = context;
    let value: string | Uint8Array | null = null;
    let error: TaskError | null = null;
    let path: string | null = null;
    try {
      const called = functions[target] ?? (await loaded(context, targets[target]!));
      functions[target] = called;
      const own = argumentsOf(calls[item + 3] as string | Uint8Array | null);
      const common = commons?.[target];
      const args = common === undefined ? own : [...own, common];
      const trace = facts?.get(at)?.trace;
      const given =
        trace === undefined || !isTraced()
          ? functionContexts.run(context, called, ...args)
          : (await import('./traced-call.ts')).tracedCall(
              context,
              trace,
              (...given) => functionContexts.run(context, called, ...given),
              args,
            );
      value = encoded(isThenable(given) ? await given : given);
      context.letGo();
      if (value !== null && isOver(value, limits.value)) {
        path = writeValue(limits.folder, context.id, context.attempt, value);
        value = null;
      }
    } catch (thrown) {
      if (isShortage(thrown)) {
        // It has not begun. Node remembers that the module failed: another thread tries again, after a while.
        journal.running = at - 1;
        exitThread(1);
      }
      error = taskError(thrown);
      value = null;
    }
    const said = context.settle();
    const extras = path === null ? said : { ...said, path };
    running.context = null;
    // Whole microseconds: seventeen digits take as long to write as the rest of the end.
    const durationMs = Math.round((systemClock.now() - from) * 1_000) / 1_000;
    running.end(extras === undefined ? [at, startedAt, durationMs, value, error] : [at, startedAt, durationMs, value, error, extras]);
    // The calls behind it go to a new thread.
    if (areGlobalsChanged()) exitThread(1);
  }
  current = null;
}

async function loaded(context: CallContext, target: string): Promise<AnyFunction> {
  const called = await functionContexts.run(context, loadFunction, target);
  acceptGlobals();
  return called;
}

const exitThread = process.exit.bind(process);

/** What a settled call left behind ends neither the thread nor the call that runs there now. */
function exit(code?: number | string | null): never {
  const owner = functionContexts.getStore();
  if (owner instanceof CallContext && owner.settled)
    throw new MillraceError('ERR_WORKER_CRASHED', 'process.exit() of a call that has ended: its thread goes on');
  return exitThread(code);
}

/** An error that nobody caught. */
function uncaught(thrown: unknown): void {
  const owner = functionContexts.getStore();
  const late = owner instanceof CallContext && owner.settled;
  const batch = current;
  const context = batch?.context ?? null;
  if (late || batch === null || context === null) {
    const { message, stack } = taskError(thrown);
    send([mark, 'late', owner?.id ?? '', stack ?? message]);
    return;
  }
  // The module's state is unknown now: the call fails and the thread goes with it.
  const { message, stack } = taskError(thrown);
  const error = { ...libraryError('ERR_WORKER_CRASHED', `an error that nothing caught: ${message}`), stack };
  context.flush();
  batch.end([batch.journal.running, systemClock.wall(), 0, null, error]);
  exitThread(1);
}

process.exit = exit;
process.on('uncaughtException', uncaught);
process.on('unhandledRejection', uncaught);
// `process.exit()` in a function: what is done leaves with the thread.
process.on('exit', () => {
  current?.context?.flush();
  current?.flush();
});
