/** What the client's core is told and what it answers: plain data, no sockets, processes or clocks. Times in ms by the monotonic clock. */
import type { MillraceError } from '../../base/errors.ts';
import type { ChainLimit, Message } from '../../protocol/messages.ts';
import type { TaskAttributes } from '../../task/task.ts';
import type { ExecutionEnd, TaskSignal } from '../executor.ts';
import type { HeldTask } from './held.ts';

export type ClientEvent =
  /** Authenticated and welcomed: the server's settings. `noConfirm`: it need not be told when tasks begin. */
  | { type: 'connected'; evictAfter: number; noConfirm?: boolean; limits?: readonly ChainLimit[] }
  | { type: 'disconnected' }
  /** Not to be connected again: refused, or away for longer than `reconnectTimeout`. */
  | { type: 'lost'; error: MillraceError }
  | { type: 'message'; message: Message }
  /** Any bytes of the server. */
  | { type: 'contact' }
  | { type: 'ended'; slot: number; ends: readonly ExecutionEnd[]; idle: boolean }
  /** Nothing runs on the slot any more; its end follows, once its output was delivered. */
  | { type: 'quiet'; slot: number }
  /** The task of this slot waited for how its parents ended, and starts now. */
  | { type: 'begun'; slot: number }
  /** A task of a graph wants a slot; `attributes`: what else it needs. */
  | { type: 'borrow'; key: number; attributes: TaskAttributes | null }
  /** Not any more. */
  | { type: 'borrow-off'; key: number }
  /** A slot that was lent is free. */
  | { type: 'return'; slot: number }
  /** It may not leave yet, though nothing runs: what it holds for graphs is not with others; or it may. */
  | { type: 'keep'; busy: boolean }
  | { type: 'pause' }
  | { type: 'resume' }
  /** Start nothing more, give back what is unstarted, finish what runs, leave. */
  | { type: 'drain' }
  /** Stop what runs by the ladder, give all back, leave. */
  | { type: 'stop' }
  /** Stop what runs now, as after a time-out, and drain (HyperShell's USR2). */
  | { type: 'interrupt' }
  | { type: 'tick' };

export type ClientEffect =
  | { type: 'send'; message: Message }
  /** Run these on the slot, in order; keys are the tasks' own. */
  | { type: 'start'; slot: number; tasks: readonly (readonly [key: number, task: HeldTask])[] }
  /** `key`: meant is this execution of a batch only; null: whatever runs there. */
  | { type: 'signal'; slot: number; signal: TaskSignal; key: number | null }
  /** A call of a batch takes longer than expected: let go those behind it. */
  | { type: 'relieve'; slot: number }
  /** The slot is for the task of a graph that asked with this key. */
  | { type: 'lend'; slot: number; key: number }
  /** The server was silent for longer than `evictAfter`: close this connection (then tell `disconnected`) and make a new one. */
  | { type: 'reconnect' }
  /** Last: the component ends. */
  | { type: 'end'; error: MillraceError | null };

export interface ClientOptions {
  slots: number;
  /** Client-wide budgets; null: not limited. */
  cores: number | null;
  memory: number | null;
  resources: Readonly<Record<string, number>>;
  /** Prefetch this many ms of work beyond free slots. */
  prefetch: number;
  /** Longest run of any task; null: not limited. */
  taskTimeout: number | null;
  /** Between INT, TERM and KILL. */
  signalwait: number;
  /** When what runs is stopped and given back, and the client leaves; null: it does not. */
  stopAt: number | null;
  /** Leave after this long without a task; null: never. */
  clientTimeout: number | null;
  /** Starts per second; null: not limited. */
  ratelimit: number | null;
  /** Do not tell the server when tasks begin. */
  noConfirm: boolean;
  /** Results travel when the last ones are acknowledged, or this many wait, or for this long. */
  bundlesize: number;
  bundlewait: number;
}
