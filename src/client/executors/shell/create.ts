/**
 * Making a shell executor: long-lived shells where they pass a test of the facts that they rely on, else a process for each command.
 */
import { systemClock } from '../../../base/clock.ts';
import { deferred } from '../../../base/deferred.ts';
import { MillraceError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import type { Executor, ExecutorHandlers } from '../../executor.ts';
import { sweepSoon } from '../../spool-folders.ts';
import { Collector } from './collector.ts';
import { InheritedStreams } from './inherit.ts';
import type { Lane, LaneEnd, LaneHandlers } from './lane.ts';
import type { LinePipes } from './line-pipes.ts';
import type { Monitor, MonitorOptions } from './monitor.ts';
import { defaultCaptureLimit, type ShellExecutorOptions } from './options.ts';
import { Redirection } from './redirection.ts';
import { ShellExecutor, type ShellExecutorParts } from './shell-executor.ts';
import { SlotLane } from './slot-lane.ts';
import { SpawnLane } from './spawn-lane.ts';
import { capture, discard, Spool, sizeOf } from './spool.ts';
import { Watcher } from './watcher.ts';

/** A shell that has not answered by then is none. */
const patience = 5_000;

/** The executor and how it runs commands. */
export interface CreatedShellExecutor extends Executor {
  readonly method: 'slots' | 'spawn';
}

/**
 * Starts all slots; resolves when they stand.
 * Rejects with `ERR_SPAWN` when there is no folder for output, or no process can be started at all.
 */
export async function createShellExecutor(options: ShellExecutorOptions, handlers: ExecutorHandlers): Promise<CreatedShellExecutor> {
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? silentLogger;
  const shell = options.shell ?? '/bin/sh';
  const method = options.method ?? 'auto';
  const mode = options.capture ?? 'result';
  const keepFiles = options.keepFiles ?? (mode === 'files' || options.monitor?.series === true);
  const { environment } = options;
  // Before there is anything to be cleaned up.
  const makeMonitor = options.monitor ? await monitorMaker(options.monitor) : null;
  const spool = new Spool(options.spoolFolder, keepFiles);
  sweepSoon(options.spoolFolder, clock);
  const windows = process.platform === 'win32';
  const watcher = windows ? null : new Watcher(shell, keepFiles ? spool.commands : spool.folder, environment.PATH, logger, clock);
  const inherited =
    mode === 'inherit' ? new InheritedStreams(options.streams?.stdout ?? process.stdout, options.streams?.stderr ?? process.stderr) : null;
  const { stdout = null, stderr = null } = options.redirect ?? {};
  const redirection = stdout === null && stderr === null ? null : new Redirection({ stdout, stderr });
  const captureLimit = options.captureLimit ?? defaultCaptureLimit;
  const parts: Omit<ShellExecutorParts, 'makeLane'> = {
    spool,
    watcher,
    inherited,
    collector: new Collector({ spool, capture: mode, captureLimit, inherited, redirection }),
    lines: mode === 'lines' ? await openLines(options, spool, watcher, handlers) : null,
    redirection,
    monitor: makeMonitor?.({ spool, clock, logger }) ?? null,
    tellPaths: mode === 'files',
    outputLimit: options.outputLimit ?? null,
    keepFiles,
    overlap: options.overlap ?? false,
    clock,
  };
  if (watcher !== null && method !== 'spawn') {
    const slot = { shell, environment, watcher, clock };
    const makeLane = (laneHandlers: LaneHandlers): Lane => new SlotLane(slot, laneHandlers);
    const late = deferred<string>();
    const stop = clock.after(patience, () => late.resolve(`${shell} does not answer`));
    // Beside the real ones, so that the test costs the start nothing but its own processes.
    const executor = new ShellExecutor(options.slots, { ...parts, makeLane }, handlers);
    const stands = executor.ready.then(
      () => null,
      (error: unknown) => String(error),
    );
    const failure = await Promise.race([
      probe((laneHandlers) => new SlotLane({ ...slot, mostFailures: 0 }, laneHandlers), spool).then((found) => found ?? stands),
      late.promise,
    ]);
    stop();
    if (failure === null) return Object.assign(executor, { method: 'slots' as const });
    if (method === 'slots') {
      await executor.close();
      throw new MillraceError('ERR_SPAWN', `${shell} cannot serve as a slot: ${failure}`);
    }
    logger.warn({ shell, failure }, 'shell slots fail their self-test here: each command gets a process of its own, which is slower');
    await executor.closeLanes();
  }
  const makeLane = (laneHandlers: LaneHandlers): Lane =>
    new SpawnLane({ shell: windows ? null : shell, environment, watcher, clock }, laneHandlers);
  const executor = new ShellExecutor(options.slots, { ...parts, makeLane }, handlers);
  await executor.ready;
  return Object.assign(executor, { method: 'spawn' as const });
}

/** What few clients need is loaded when it is asked for. */
async function monitorMaker(
  options: NonNullable<ShellExecutorOptions['monitor']>,
): Promise<(parts: Pick<MonitorOptions, 'spool' | 'clock' | 'logger'>) => Monitor> {
  const [{ Monitor }, { openProcessTable }] = await Promise.all([import('./monitor.ts'), import('./monitor-ps.ts')]);
  const table = await openProcessTable();
  return (parts) => new Monitor({ ...options, table, ...parts });
}

/** Leaves nothing behind when there are no named pipes. */
async function openLines(
  options: ShellExecutorOptions,
  spool: Spool,
  watcher: Watcher | null,
  handlers: ExecutorHandlers,
): Promise<LinePipes> {
  const { slots, environment, clock = systemClock } = options;
  try {
    const { LinePipes } = await import('./line-pipes.ts');
    return await LinePipes.open({
      folder: spool.commands,
      slots,
      path: environment.PATH,
      clock,
      take: (lines) => handlers.lines?.(lines),
      failed: (error) => handlers.failed(error),
    });
  } catch (error) {
    await watcher?.close();
    spool.remove(false);
    throw error;
  }
}

/** What a slot must get right; `output` null: not looked at. */
const facts: readonly { command: string; status: number | null; signal: string | null; output: string | null }[] = [
  { command: 'true', status: 0, signal: null, output: '' },
  { command: 'echo "a  b" && false', status: 1, signal: null, output: 'a  b\n' },
  { command: '(exit 3)', status: 3, signal: null, output: '' },
  { command: 'exit 137', status: 137, signal: null, output: '' },
  { command: 'kill -9 $$', status: null, signal: 'SIGKILL', output: null },
  { command: 'printf "%s\\n" "$TASK_PROBE"', status: 0, signal: null, output: "it's\n" },
  { command: 'printf "%s" "$TASK_PROBE"; exit 4', status: 4, signal: null, output: "it's" },
];

/** Runs the facts in a lane of their own; null when all hold, else the first that does not. */
async function probe(makeLane: (handlers: LaneHandlers) => Lane, spool: Spool): Promise<string | null> {
  let next = deferred<LaneEnd>();
  const stands = deferred<void>();
  const lane = makeLane({
    ended: (end) => next.resolve(end),
    ready: () => stands.resolve(),
    broken: (error) => stands.reject(error),
  });
  try {
    await stands.promise;
    let number = 0;
    for (const fact of facts) {
      const files = spool.files(-1, number++, null);
      next = deferred<LaneEnd>();
      lane.start({ command: fact.command, env: { TASK_PROBE: "it's" }, cwd: null, ...files, piped: false });
      const end = await next.promise;
      const captured = capture(files.output, sizeOf(files.output), 1_024);
      const output = typeof captured === 'string' ? null : captured.content;
      discard(files.output);
      discard(files.errors);
      if (end.status !== fact.status || end.signal !== fact.signal) {
        return `${fact.command} ended with ${end.refused ?? end.signal ?? end.status}`;
      }
      if (fact.output !== null && output !== fact.output) return `${fact.command} wrote ${JSON.stringify(output)}`;
    }
    return null;
  } catch (error) {
    return String(error);
  } finally {
    await lane.close();
  }
}
