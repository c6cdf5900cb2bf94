/**
 * Which tasks queue together: those that need the same of a client and share the same limits. The text of a lane is stored with the task, so
 * that a store can be asked for one lane or for all but some; a reader computes it anew, for limits may have changed since.
 */
import type { TaskAttributes } from './task.ts';

/** A time-out as lanes see it: two significant digits, rounded up, so that any number of different ones makes few lanes. ms. */
export function timeoutClass(timeout: number): number {
  if (timeout <= 100) return Math.ceil(timeout);
  const unit = 10 ** (Math.floor(Math.log10(timeout)) - 1);
  return Math.ceil(timeout / unit) * unit;
}

/** What a task needs of a client; empty: nothing. Time-outs are told apart by their class only. */
export function demandText(attributes: TaskAttributes): string {
  const { timeout } = attributes;
  return needsText(attributes, timeout === undefined ? undefined : timeoutClass(timeout));
}

/** What a task needs of a client, with this time-out; empty: nothing. */
export function needsText({ cores = 0, memory = 0, resources }: TaskAttributes, timeout: number | undefined): string {
  if (cores === 0 && memory === 0 && resources === undefined && timeout === undefined) return '';
  const named = resources === undefined ? '' : JSON.stringify(Object.entries(resources).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${cores}/${memory}/${timeout ?? ''}/${named}`;
}

/** The lane of a task under limits on the tags with these keys; null: it needs nothing and shares none. */
export function laneOf(attributes: TaskAttributes | null, limitKeys: readonly string[]): string | null {
  if (attributes === null) return null;
  let text = demandText(attributes);
  const { tags } = attributes;
  if (tags !== undefined) {
    for (const key of limitKeys) {
      const value = tags[key];
      if (value !== undefined) text += JSON.stringify([key, value]);
    }
  }
  return text === '' ? null : text;
}
