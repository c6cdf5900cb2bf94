/**
 * What a component's thread and its handle say to each other over their control port. Domain traffic (tasks, results, queries) goes
 * over a connection of its own; here is only life and death, requests to the component, and events that somebody listens to.
 */
import type { WireError } from '../protocol/wire-error.ts';

/** To the host. */
export type ThreadMessage =
  /** The component runs. First, and once. */
  | readonly ['ready', info: unknown]
  /** Follows `ready` at once, so that what awaited `ready` has attached its listeners when the event `ready` is emitted. */
  | readonly ['begun']
  /** The error that ended the component; what comes after it is its cleaning up. */
  | readonly ['failed', error: WireError, lingers: boolean]
  /** The component ended in good order. `lingers`: its thread serves what is still being read, and then goes by itself. */
  | readonly ['ended', end: unknown, lingers: boolean]
  | readonly ['event', name: string, value: unknown]
  | readonly ['answer', id: number, value: unknown]
  | readonly ['refusal', id: number, error: WireError];

/** To the component. */
export type HostMessage =
  /** `drain`: finish what runs, start nothing; else end what runs too. */
  | readonly ['stop', drain: boolean]
  /** The whole list of events that somebody listens to. */
  | readonly ['listen', names: readonly string[]]
  | readonly ['request', id: number, name: string, value: unknown];

/** What the host gives a component's thread. */
export interface ThreadData {
  /** The component's UUID. */
  readonly id: string;
  readonly data: unknown;
}
