/**
 * Shell tasks as the shell executor runs them: makes the command (template) and the environment of each, and adds to its end what only
 * this side knows. A task that cannot even be made into a command fails here, as if it had run.
 */
import { MillraceError } from '../base/errors.ts';
import { hostName } from '../base/ids.ts';
import { isTraced } from '../base/traced.ts';
import { TaskIds } from '../task/id.ts';
import { isBare, withoutTemplate } from '../task/json-line.ts';
import { Template } from '../task/template.ts';
import type { CommandSpans } from './command-spans.ts';
import { type AttemptFacts, commonEnvironment, taskEnvironment } from './environment.ts';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers, OutputFiles, TaskSignal } from './executor.ts';
import { createShellExecutor } from './executors/shell/create.ts';
import { OutputPort } from './output-port.ts';
import { outputSinks } from './output-sinks.ts';
import { refused } from './refused.ts';
import type { KeyedTask, RunnerOptions } from './runner-options.ts';
import { TemplateParts } from './template-parts.ts';

/** A command that a template made. */
interface Made {
  readonly command: string;
  /** When its making began (epoch ms), and how long it took, where it took a while: it is part of the attempt. */
  readonly filling: { readonly startedAt: number; readonly durationMs: number } | null;
}

export class Commands {
  readonly #options: RunnerOptions;
  readonly #handlers: ExecutorHandlers;
  /** What all commands of this client see. */
  readonly #environment: Readonly<Record<string, string>>;
  readonly #template: Template;
  /** What the template made of the lines that run now; empty while the line itself is the command. */
  readonly #commands: Map<number, Made> = new Map();
  /** Null: the template has no commands of its own. */
  readonly #parts: TemplateParts | null;
  #shell!: Executor;
  #output: OutputPort | null = null;
  #spans: CommandSpans | null = null;
  ids: TaskIds = new TaskIds('000000000');
  server: AttemptFacts['server'] = null;

  /** The shells stand when this resolves. */
  static async open(options: RunnerOptions, handlers: ExecutorHandlers): Promise<Commands> {
    const commands = new Commands(options, handlers);
    const { config, clock, logger } = options;
    const { numTasks: slots, capture, captureLimit, outputLimit } = config;
    const output = options.output === null ? null : new OutputPort(options.output, (error) => handlers.failed(error));
    commands.#output = output;
    commands.#shell = await createShellExecutor(
      {
        slots,
        environment: commands.#environment,
        spoolFolder: options.spoolFolder,
        capture,
        captureLimit,
        ...(outputLimit === null ? {} : { outputLimit }),
        redirect: await outputSinks(config, output),
        overlap: true,
        monitor: config.monitor,
        clock,
        logger,
      },
      {
        ...handlers,
        ended: (slot, ends, idle) => handlers.ended(slot, commands.#completed(ends), idle),
        lines: (lines) => output?.lines(lines),
      },
    );
    if (isTraced()) commands.#spans = await (await import('./command-spans.ts')).CommandSpans.open();
    return commands;
  }

  private constructor(options: RunnerOptions, handlers: ExecutorHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#environment = { ...options.environment, ...commonEnvironment(options.config, options.id, hostName()) };
    this.#template = new Template(options.config.template);
    this.#parts = this.#template.dynamic ? new TemplateParts(options.clock) : null;
  }

  start(slot: number, tasks: readonly KeyedTask[]): void {
    if (this.#parts !== null) {
      for (const task of tasks) void this.#fillAndStart(this.#parts, slot, task);
      return;
    }
    let executions: Execution[];
    try {
      executions = tasks.map((task) => this.#execution(task, slot));
    } catch (thrown) {
      const wall = this.#options.clock.wall();
      const ends = tasks.map(([key]) => refused(key, MillraceError.from(thrown, 'ERR_TEMPLATE'), wall));
      // Not in the caller's turn: the core is in the middle of telling what to start.
      queueMicrotask(() => this.#handlers.ended(slot, ends, true));
      return;
    }
    this.#shell.start(slot, executions);
  }

  /** `key`: meant is this execution only, should another one run by now; null: whatever runs on the slot. */
  signal(slot: number, signal: TaskSignal, key: number | null): void {
    if (this.#parts?.signal(slot, signal, key)) return;
    if (key === null) this.#shell.signal(slot, signal);
    else this.#shell.signal(slot, signal, key);
  }

  /** As `Executor.files`. */
  files(slot: number, key: number): OutputFiles | null {
    return this.#shell.files?.(slot, key) ?? null;
  }

  async close(): Promise<void> {
    await Promise.all([this.#shell.close(), this.#parts?.close()]);
    this.#output?.close();
  }

  /** The ends of commands that a template made name them. */
  #completed(ends: readonly ExecutionEnd[]): readonly ExecutionEnd[] {
    for (const end of this.#spans === null ? [] : ends) this.#spans!.end(end);
    if (this.#template.identity) return ends;
    return ends.map((end) => {
      const made = this.#commands.get(end.key);
      this.#commands.delete(end.key);
      if (made === undefined) return end;
      const { command, filling } = made;
      const time = filling === null ? {} : { startedAt: filling.startedAt, durationMs: filling.durationMs + end.durationMs };
      return { ...end, ...time, extra: { ...end.extra, command } };
    });
  }

  /** A shell task is alone on its slot, so that what is filled in and what then runs are never two. */
  async #fillAndStart(parts: TemplateParts, slot: number, [key, task]: KeyedTask): Promise<void> {
    const { clock } = this.#options;
    const startedAt = clock.wall();
    const began = clock.now();
    const [n, submittedAt, [, line, , attributes]] = task.granted;
    const { TASK_COMMAND: _, ...own } = taskEnvironment(task, attributes?.id ?? this.ids.of(submittedAt, n), line, slot, {
      server: this.server,
      wall: startedAt,
    });
    const env = { ...this.#environment, ...own };
    const fields = { tags: attributes?.tags, fields: attributes?.fields, slot };
    let end: ExecutionEnd;
    try {
      const filled = await parts.fill(this.#template, { slot, key, line, fields, env, cwd: attributes?.cwd ?? null });
      if ('command' in filled) {
        const filling = { startedAt, durationMs: clock.now() - began };
        this.#shell.start(slot, [this.#executionOf(key, task, slot, { command: filled.command, filling })]);
        return;
      }
      end = { key, outcome: 'failed', exitStatus: null, startedAt, durationMs: 0, extra: { signal: filled.stopped } };
    } catch (thrown) {
      end = refused(key, MillraceError.from(thrown, 'ERR_TEMPLATE'), startedAt);
    }
    this.#handlers.ended(slot, [{ ...end, durationMs: clock.now() - began }], true);
  }

  #execution([key, task]: KeyedTask, slot: number): Execution {
    const [, , [, args, , attributes]] = task.granted;
    if (!this.#template.identity) {
      const command = this.#template.expand(args, { tags: attributes?.tags, fields: attributes?.fields, slot });
      return this.#executionOf(key, task, slot, { command, filling: null });
    }
    if (attributes?.fields !== undefined && isBare(args, attributes.fields)) throw withoutTemplate();
    return this.#executionOf(key, task, slot, { command: args, filling: null });
  }

  #executionOf(key: number, task: KeyedTask[1], slot: number, made: Made): Execution {
    const { command } = made;
    const [n, submittedAt, [, , input, attributes]] = task.granted;
    const id = attributes?.id ?? this.ids.of(submittedAt, n);
    if (!this.#template.identity) this.#commands.set(key, made);
    const env = taskEnvironment(task, id, command, slot, { server: this.server, wall: this.#options.clock.wall() });
    const bare: Execution = { key, id, attempt: task.attempt, command, input, env, cwd: attributes?.cwd ?? null };
    const execution = this.#spans?.begin(bare) ?? bare;
    if (this.#options.config.monitor === null) return execution;
    const { cores, memory } = attributes ?? {};
    return { ...execution, asked: { ...(cores === undefined ? {} : { cores }), ...(memory === undefined ? {} : { memory }) } };
  }
}
