/**
 * Joins the core to the executors: makes an execution of each task (template, environment) and gives it to the one that runs its kind. A
 * task that cannot even be made into one fails here, as if it had run.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName } from '../base/ids.ts';
import type { Logger } from '../base/log.ts';
import type { ClientConfig } from '../config/client-options.ts';
import { TaskIds } from '../task/id.ts';
import { Template } from '../task/template.ts';
import type { HeldTask } from './core/held.ts';
import { commonEnvironment, taskEnvironment } from './environment.ts';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers, TaskSignal } from './executor.ts';
import { createFunctionExecutor } from './executors/function/function-executor.ts';
import { createShellExecutor } from './executors/shell/create.ts';

export interface RunnerOptions {
  readonly id: string;
  readonly config: ClientConfig;
  /** What commands see beside `TASK_…`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly spoolFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Runner {
  /** What the template made of the lines that run now; empty while the line itself is the command. */
  readonly #commands: Map<number, string> = new Map();
  readonly #shell: Executor;
  readonly #functions: Executor;
  readonly #template: Template;
  readonly #clock: Clock;
  readonly #handlers: ExecutorHandlers;
  readonly #owners: (Executor | null)[];
  #ids: TaskIds = new TaskIds('000000000');

  /** The shells stand when this resolves: they are started before anything large is loaded, since a fork costs what its host weighs. */
  static async open(options: RunnerOptions, handlers: ExecutorHandlers): Promise<Runner> {
    const { config, clock, logger, id } = options;
    const environment = { ...options.environment, ...commonEnvironment(config, id, hostName()) };
    const { numTasks: slots, capture, captureLimit } = config;
    const template = new Template(config.template);
    if (template.dynamic)
      throw new MillraceError('ERR_TEMPLATE', 'a template cannot have {% … %} or {= … =} in this version; let the command itself do that');
    let runner: Runner | null = null;
    const shellHandlers: ExecutorHandlers = {
      ...handlers,
      ended: (slot, ends, idle) => handlers.ended(slot, runner?.withCommands(ends) ?? ends, idle),
    };
    const shell = await createShellExecutor(
      {
        slots,
        environment,
        spoolFolder: options.spoolFolder,
        capture: capture === 'lines' ? 'none' : capture,
        captureLimit,
        overlap: true,
        clock,
        logger,
      },
      shellHandlers,
    );
    const functions = createFunctionExecutor({ slots, environment, clock, logger }, handlers);
    runner = new Runner(shell, functions, template, options, handlers);
    return runner;
  }

  private constructor(shell: Executor, functions: Executor, template: Template, options: RunnerOptions, handlers: ExecutorHandlers) {
    this.#shell = shell;
    this.#functions = functions;
    this.#template = template;
    this.#clock = options.clock;
    this.#handlers = handlers;
    this.#owners = new Array<Executor | null>(options.config.numTasks).fill(null);
  }

  /** The server's salt: public ids follow from it. */
  set salt(salt: string) {
    this.#ids = new TaskIds(salt);
  }

  start(slot: number, tasks: readonly (readonly [key: number, task: HeldTask])[]): void {
    const first = tasks[0]?.[1];
    if (first === undefined) return;
    const executor = first.isFunction ? this.#functions : this.#shell;
    this.#owners[slot] = executor;
    let executions: Execution[];
    try {
      executions = tasks.map(([key, task]) => (task.isFunction ? this.#call(key, task) : this.#command(key, task, slot)));
    } catch (thrown) {
      const ends = tasks.map(([key]) => this.#refused(key, MillraceError.from(thrown, 'ERR_TEMPLATE')));
      // Not in the caller's turn: the core is in the middle of telling what to start.
      queueMicrotask(() => this.#handlers.ended(slot, ends, true));
      return;
    }
    executor.start(slot, executions);
  }

  /** `key`: meant is this execution only, should another one of its batch run by now; null: whatever runs on the slot. */
  signal(slot: number, signal: TaskSignal, key: number | null): void {
    if (key === null) this.#owners[slot]?.signal(slot, signal);
    else this.#owners[slot]?.signal(slot, signal, key);
  }

  /** The ends of commands that a template made name them. */
  withCommands(ends: readonly ExecutionEnd[]): readonly ExecutionEnd[] {
    if (this.#template.identity) return ends;
    return ends.map((end) => {
      const command = this.#commands.get(end.key);
      this.#commands.delete(end.key);
      return command === undefined ? end : { ...end, extra: { ...end.extra, command } };
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#shell.close(), this.#functions.close()]);
  }

  #call(key: number, task: HeldTask): Execution {
    const [n, submittedAt, [, args, input]] = task.granted;
    return { key, id: this.#ids.of(submittedAt, n), attempt: task.attempt, command: args, input, env: {}, cwd: null };
  }

  #command(key: number, task: HeldTask, slot: number): Execution {
    const [n, submittedAt, [, args, input, attributes]] = task.granted;
    const id = this.#ids.of(submittedAt, n);
    const command = this.#template.identity ? args : this.#template.expand(args, { tags: attributes?.tags, slot });
    if (!this.#template.identity) this.#commands.set(key, command);
    return { key, id, attempt: task.attempt, command, input, env: taskEnvironment(task, id, command, slot), cwd: attributes?.cwd ?? null };
  }

  #refused(key: number, error: MillraceError): ExecutionEnd {
    const { name, message, code } = error;
    return {
      key,
      outcome: 'failed',
      exitStatus: null,
      startedAt: this.#clock.wall(),
      durationMs: 0,
      extra: { error: { name, message, code, stack: null } },
    };
  }
}
