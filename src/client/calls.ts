/**
 * Function tasks as the function executor runs them: names each call, hands over its arguments and, where it depends on other tasks, how
 * those ended.
 *
 * A slot *runs* what its executor has, or *asks*: its one task waits for the server's answer, and starts only then. What is stopped
 * while it asks never starts.
 */
import { hostName } from '../base/ids.ts';
import type { Answer, Refusal } from '../protocol/messages.ts';
import { TaskIds } from '../task/id.ts';
import { commonEnvironment } from './environment.ts';
import type { Execution, ExecutionEnd, Executor, ParentEnd, TaskSignal } from './executor.ts';
import { createFunctionExecutor } from './executors/function/function-executor.ts';
import { ParentQuestions } from './parents.ts';
import { ProgressWords } from './progress.ts';
import { refused } from './refused.ts';
import type { KeyedTask, RunnerHandlers, RunnerOptions } from './runner-options.ts';

/** Of its own a call has none. */
const noVariables: Execution['env'] = Object.freeze({});

interface Asking {
  readonly key: number;
  readonly forget: () => void;
}

export class Calls {
  readonly #options: RunnerOptions;
  readonly #handlers: RunnerHandlers;
  readonly #executor: Executor;
  readonly #questions: ParentQuestions;
  readonly #words: ProgressWords;
  /** What each slot was given last. */
  readonly #given: (readonly KeyedTask[])[] = [];
  readonly #asking: (Asking | null)[] = [];
  ids: TaskIds = new TaskIds('000000000');

  constructor(options: RunnerOptions, handlers: RunnerHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    const { config, clock, logger, id, spoolFolder: folder } = options;
    const { capture, captureLimit, valueLimit, resourceLimits } = config;
    this.#questions = new ParentQuestions((message) => handlers.send(message));
    this.#words = new ProgressWords(clock, (message) => handlers.send(message));
    this.#executor = createFunctionExecutor(
      {
        slots: config.numTasks,
        environment: { ...options.environment, ...commonEnvironment(config, id, hostName()) },
        limits: { value: valueLimit, log: capture === 'none' ? 0 : captureLimit, folder },
        ...(resourceLimits === null ? {} : { resourceLimits }),
        clock,
        logger,
      },
      {
        ...handlers,
        ended: (slot, ends, idle) => this.#ended(slot, ends, idle),
        progress: (slot, key, value) => this.#said(slot, key, value),
      },
    );
  }

  start(slot: number, tasks: readonly KeyedTask[]): void {
    this.#given[slot] = tasks;
    const [first] = tasks;
    if (first === undefined) return;
    const [key, task] = first;
    if (!task.asksParents) {
      this.#begin(slot, tasks);
      return;
    }
    const forget = this.#questions.ask(
      task.n,
      (parents) => {
        this.#asking[slot] = null;
        this.#handlers.begun(slot);
        this.#begin(slot, tasks, parents);
      },
      (error) => {
        this.#asking[slot] = null;
        this.#handlers.ended(slot, [refused(key, error, this.#options.clock.wall())], true);
      },
    );
    this.#asking[slot] = { key, forget };
  }

  /** `key`: meant is this execution only, should another one of its batch run by now; null: whatever runs on the slot. */
  signal(slot: number, signal: TaskSignal, key: number | null): void {
    const asking = this.#asking[slot] ?? null;
    if (asking !== null) this.#stopAsking(slot, asking, signal);
    else if (key === null) this.#executor.signal(slot, signal);
    else this.#executor.signal(slot, signal, key);
  }

  relieve(slot: number): void {
    // Not in the caller's turn either.
    queueMicrotask(() => this.#executor.relieve?.(slot));
  }

  /** The server answered a question. */
  answered(message: Answer | Refusal): void {
    this.#questions.receive(message);
  }

  /** After a new connection: the server knows again what is leased to this client. */
  resumed(): void {
    this.#questions.askAgain();
  }

  async close(): Promise<void> {
    for (const asking of this.#asking) asking?.forget();
    this.#asking.length = 0;
    this.#words.close();
    await this.#executor.close();
  }

  #begin(slot: number, tasks: readonly KeyedTask[], parents?: readonly ParentEnd[]): void {
    this.#executor.start(
      slot,
      tasks.map((task) => this.#execution(task, parents)),
    );
  }

  #execution(keyed: KeyedTask, parents: readonly ParentEnd[] | undefined): Execution {
    const key = keyed[0];
    const { granted, attempt } = keyed[1];
    const task = granted[2];
    const attributes = task[3];
    const id = attributes?.id ?? this.ids.of(granted[1], granted[0]);
    const execution: Execution = { key, id, attempt, command: task[1], input: task[2], env: noVariables, cwd: null };
    if (attributes === null) return execution;
    const { group = 0, tags, env: trace } = attributes;
    const more = { ...(parents === undefined ? {} : { parents }), ...(trace === undefined ? {} : { trace }) };
    return { ...execution, group, ...(tags === undefined ? {} : { tags }), ...more };
  }

  #stopAsking(slot: number, { key, forget }: Asking, signal: TaskSignal): void {
    forget();
    this.#asking[slot] = null;
    const end: ExecutionEnd = {
      key,
      outcome: 'failed',
      exitStatus: null,
      startedAt: this.#options.clock.wall(),
      durationMs: 0,
      extra: { signal },
    };
    // Not in the caller's turn: the core is in the middle of telling what to stop.
    queueMicrotask(() => this.#handlers.ended(slot, [end], true));
  }

  #ended(slot: number, ends: readonly ExecutionEnd[], idle: boolean): void {
    this.#words.ended(ends);
    this.#handlers.ended(slot, ends, idle);
  }

  #said(slot: number, key: number, value: string | Uint8Array): void {
    const task = this.#given[slot]?.find(([given]) => given === key)?.[1];
    if (task !== undefined) this.#words.say(key, task, value);
  }
}
