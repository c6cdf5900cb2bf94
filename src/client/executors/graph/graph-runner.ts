/**
 * Runs the tasks of graphs on a client: the built-in ones here, programs in shell slots, functions in the pool of function threads. Loaded when the first
 * task of a graph comes.
 */
import { MillraceError } from '../../../base/errors.ts';
import { hostName } from '../../../base/ids.ts';
import { taskTypes } from '../../../session/task-types.ts';
import { decodeValue } from '../../../task/value.ts';
import { commonEnvironment } from '../../environment.ts';
import type { GraphCallEnds, GraphCalls, GraphExecution, GraphOutcome, GraphTaskRunner } from '../../graph-task-runner.ts';
import type { RunnerOptions } from '../../runner-options.ts';
import { sweepSoon } from '../../spool-folders.ts';
import { createFunctionExecutor } from '../function/function-executor.ts';
import { createShellExecutor } from '../shell/create.ts';
import { type Builtin, builtins } from './builtins.ts';
import { CodeFiles } from './code-files.ts';
import { FunctionTasks } from './function-tasks.ts';
import { Programs } from './programs.ts';
import { SlotQueue } from './slot-queue.ts';

export type GraphRunnerOptions = Pick<RunnerOptions, 'id' | 'config' | 'environment' | 'spoolFolder' | 'clock' | 'logger'>;

/** What a function logs is kept up to so many bytes; its results leave it by files where they are large. */
const logLimit = 2 ** 20;
/** Tasks that are stopped get a word, and after this long (ms) no more mercy. */
const patience = 1_000;

class GraphRunner implements GraphTaskRunner {
  readonly #options: GraphRunnerOptions;
  readonly #code: CodeFiles;
  #programs: Programs | null = null;
  #functions: FunctionTasks | null = null;

  constructor(options: GraphRunnerOptions) {
    this.#options = options;
    this.#code = new CodeFiles(options.spoolFolder);
    sweepSoon(options.spoolFolder, options.clock);
  }

  run(execution: GraphExecution): GraphOutcome | Promise<GraphOutcome> {
    const { type, config } = execution;
    if (type === taskTypes.execute) return this.#program().run(execution);
    if (type === taskTypes.function) return this.#function().run(execution);
    const builtin: Builtin | undefined = Object.hasOwn(builtins, type) ? builtins[type] : undefined;
    if (builtin !== undefined) return builtin(execution, config === null ? null : decodeValue(config), this.#options.clock);
    throw new MillraceError('ERR_TASK', `no task is of the type '${type.slice(0, 200)}' on this client`);
  }

  call(executions: readonly GraphExecution[], ends: GraphCallEnds): GraphCalls {
    return this.#function().call(executions, ends);
  }

  forget(session: number): void {
    this.#code.forget(session);
  }

  async close(): Promise<void> {
    await Promise.all([this.#programs?.close(), this.#functions?.close()]);
    this.#code.close();
  }

  get #environment(): Record<string, string> {
    const { environment, config, id } = this.#options;
    return { ...environment, ...commonEnvironment(config, id, hostName()) };
  }

  #program(): Programs {
    const { config, clock, logger, spoolFolder } = this.#options;
    this.#programs ??= new Programs(
      new SlotQueue({
        slots: config.numTasks,
        clock,
        patience,
        open: (handlers) =>
          createShellExecutor(
            { slots: config.numTasks, environment: this.#environment, spoolFolder, capture: 'none', clock, logger },
            handlers,
          ),
      }),
    );
    return this.#programs;
  }

  #function(): FunctionTasks {
    const { config, clock, logger, spoolFolder } = this.#options;
    const { numTasks: slots, resourceLimits, valueLimit } = config;
    this.#functions ??= new FunctionTasks(
      this.#code,
      new SlotQueue({
        slots,
        clock,
        patience,
        open: (handlers) =>
          createFunctionExecutor(
            {
              slots,
              environment: this.#environment,
              limits: { value: valueLimit, log: logLimit, folder: spoolFolder },
              ...(resourceLimits === null ? {} : { resourceLimits }),
              clock,
              logger,
            },
            handlers,
          ),
      }),
    );
    return this.#functions;
  }
}

/** Nothing is started before a task needs it. */
export function createGraphRunner(options: GraphRunnerOptions): GraphTaskRunner {
  return new GraphRunner(options);
}
