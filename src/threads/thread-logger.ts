/** A logger inside a thread: what it says travels as an event to the host, whose own logger it reaches; nothing is made for nobody. */
import type { Logger } from '../base/log.ts';
import { toWireError } from '../protocol/wire-error.ts';

export type LogLevel = keyof Logger;

/** One line of a thread's log. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** `emit`: as a component gets it; lines of a level that nobody wants are dropped there. */
export function threadLogger(emit: (name: string, value: unknown) => void): Logger {
  const at =
    (level: LogLevel) =>
    (details: object, message: string): void => {
      emit('log', { level, message, details: plain(details) } satisfies LogLine);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Errors and what else cannot be cloned become plain data; objects of simple values stay what they are. */
function plain(details: object, inner = false): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(details)) {
    if (value instanceof Error) result[name] = toWireError(value);
    else if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) result[name] = value;
    else if (!inner && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
      result[name] = plain(value as object, true);
    else result[name] = textOf(value);
  }
  return result;
}

/** Anything can be thrown, and what was thrown is logged: also what has no text. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `[${typeof value}]`;
  }
}
