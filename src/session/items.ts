/** The records of what users hold. */
import { DataObject } from './data-object.ts';
import { RainException } from './exceptions.ts';
import type { NodeRecord } from './records.ts';
import { Task } from './task.ts';

/** What is waited for, or asked about. */
export type Item = Task | DataObject;

export function recordOf(item: Item): NodeRecord {
  return item instanceof Task ? Task.recordOf(item) : DataObject.recordOf(item);
}

/** The list may be an iterator: it is read once. @throws RainException for what is no list of tasks and data objects */
export function itemsOf(items: unknown, owner: string): Item[] {
  if (typeof items !== 'object' || items === null || !(Symbol.iterator in items))
    throw new RainException(`${owner} takes a list of tasks and data objects`);
  return Array.from(items as Iterable<unknown>, (item) => {
    if (item instanceof Task || item instanceof DataObject) return item;
    throw new RainException(`${owner} takes tasks and data objects, not ${typeof item}`);
  });
}

/** @throws as `itemsOf` */
export function recordsOf(items: unknown, owner: string): NodeRecord[] {
  return itemsOf(items, owner).map(recordOf);
}
