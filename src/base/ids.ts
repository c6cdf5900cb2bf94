/** Names that must differ between processes: ids of components, and the name of this machine. */
import { hostname } from 'node:os';
import { v7 } from 'uuid';

/** A UUID v7: unique everywhere, and ascending within this thread. */
export function newId(): string {
  return v7();
}

/** The name of this machine, as it stands in results. */
export function hostName(): string {
  return hostname();
}
