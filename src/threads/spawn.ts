/**
 * The only place that makes Workers. A thread gets a control port, its data and a name; it does not share the host's environment
 * object, and inherits none of the flags that are about the host's own program text.
 */
import { MessageChannel, type MessagePort, type Transferable, Worker } from 'node:worker_threads';
import { MillraceError } from '../base/errors.ts';
import type { ThreadData } from './messages.ts';

export interface ThreadOptions {
  /** Shown by debuggers and profilers, for instance `millrace server`. */
  readonly name: string;
  /** The component's UUID. */
  readonly id: string;
  /** Cloned to the thread. */
  readonly data: unknown;
  /** Parts of `data` that move instead: ports. */
  readonly transfer?: readonly Transferable[];
  /**
   * False: descriptors that the thread opens may be closed by others than `fs.close` (a socket that was made of one), so that its end closes
   * only what has an owner: a list of open descriptors would name those that are somebody else's by now. Default true.
   */
  readonly tracksFiles?: boolean;
  /** Caps of the thread's own heap in MB. Default: as the host's. */
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number; readonly maxYoungGenerationSizeMb?: number };
}

export interface StartedThread {
  readonly worker: Worker;
  readonly port: MessagePort;
}

// `node --input-type=module -e …`: a thread that inherits it refuses to load its file. The others would run or debug it twice.
const ofTheProgram = /^(?:--input-type|--eval|-e$|--print|-p$|-pe$|--check|-c$|--test|--watch|--inspect)/;

/** The flags of this process that a thread may have; a text that follows `-e` goes with it. */
export function inheritedFlags(flags: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < flags.length; at++) {
    const flag = flags[at] as string;
    if (!ofTheProgram.test(flag)) kept.push(flag);
    else if (/^(?:-e|-p|-pe|--eval|--print)$/.test(flag) && flags[at + 1]?.startsWith('-') === false) at++;
  }
  return kept;
}

/**
 * A thread inherits all flags by itself; told which ones, it refuses those of the whole process (`--expose-gc`, `--max-old-space-size`), which
 * hold for it anyway.
 */
function withFlags(make: (execArgv: readonly string[] | null) => Worker): Worker {
  const kept = inheritedFlags(process.execArgv);
  if (kept.length === process.execArgv.length) return make(null);
  try {
    return make(kept);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error;
    return make(kept.filter((flag) => !message.includes(flag)));
  }
}

/**
 * Starts a thread. `entry` is a built `.js` file, which calls `runComponent`.
 * @throws ERR_NOT_CLONEABLE where `data` cannot cross, ERR_THREAD where no thread can be had
 */
export function startThread(entry: URL, options: ThreadOptions): StartedThread {
  const { port1, port2 } = new MessageChannel();
  const workerData: ThreadData & { port: MessagePort } = { id: options.id, data: options.data, port: port2 };
  const make = (execArgv: readonly string[] | null): Worker =>
    new Worker(entry, {
      name: options.name,
      workerData,
      transferList: [port2, ...(options.transfer ?? [])],
      ...(execArgv === null ? {} : { execArgv: [...execArgv] }),
      ...(options.tracksFiles === false ? { trackUnmanagedFds: false } : {}),
      ...(options.resourceLimits ? { resourceLimits: options.resourceLimits } : {}),
    });
  try {
    const worker = withFlags(make);
    return { worker, port: port1 };
  } catch (cause) {
    port1.close();
    const cloning = cause instanceof Error && cause.name === 'DataCloneError';
    if (cloning)
      throw new MillraceError('ERR_NOT_CLONEABLE', `what the thread '${options.name}' is given cannot cross to it: ${cause.message}`, {
        cause,
      });
    throw new MillraceError('ERR_THREAD', `the thread '${options.name}' could not be started`, { cause });
  }
}
