/** What the parts of a client that run tasks are told when they are made. */
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { ClientConfig } from '../config/client-options.ts';
import type { Message } from '../protocol/messages.ts';
import type { HeldTask } from './core/held.ts';
import type { ExecutorHandlers } from './executor.ts';

export interface RunnerOptions {
  readonly id: string;
  readonly config: ClientConfig;
  /** What commands see beside `TASK_…`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly spoolFolder: string;
  /** Output that the host takes; null: it takes none. */
  readonly output: MessagePort | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A task with the key of its attempt on this client. */
export type KeyedTask = readonly [key: number, task: HeldTask];

export interface RunnerHandlers extends ExecutorHandlers {
  /** To the server; lost when there is no connection. */
  send(message: Message): void;
  /** What was given to this slot runs from now on: until then it waited for what it depends on. */
  begun(slot: number): void;
}
