/** What a message means to the server's core of a simulation, with the store's answer to which keys are taken. */
import type { Message } from '../protocol/messages.ts';
import type { CoreEvent } from '../server/core/events.ts';
import { clientEvent } from '../server/link.ts';
import type { TaskStore } from '../store/store.ts';
import type { WireTask } from '../task/task.ts';

export function eventOf(store: TaskStore, connection: string, message: Message): CoreEvent | null {
  switch (message[0]) {
    case 'submitter-open':
      return { type: 'submitter-open', connection, submitter: message[1] };
    case 'submitter-done':
      return { type: 'submitter-done', connection, submitter: message[1] };
    case 'submit':
      return {
        type: 'submit',
        connection,
        submitter: message[1],
        sequence: message[2],
        tasks: message[3],
        known: knownOf(store, message[3]),
        parents: parentsOf(store, message[3]),
      };
    default:
      return clientEvent(connection, message);
  }
}

function knownOf(store: TaskStore, tasks: readonly WireTask[]): Map<number, number> | null {
  const keys = tasks.flatMap(([, , , attributes]) => attributes?.key ?? []);
  const ids = tasks.flatMap(([, , , attributes]) => attributes?.id ?? []);
  if (keys.length + ids.length === 0) return null;
  const known = store.known(keys, ids);
  if (known instanceof Promise) return null;
  const places = new Map<number, number>();
  tasks.forEach(([, , , attributes], place) => {
    const n = known.keys.get(attributes?.key ?? '') ?? known.ids.get(attributes?.id ?? '');
    if (n !== undefined) places.set(place, n);
  });
  return places;
}

function parentsOf(store: TaskStore, tasks: readonly WireTask[]): ReadonlyMap<string, number> | null {
  const ids = tasks.flatMap(([, , , attributes]) => attributes?.dependsOn ?? []);
  const known = ids.length === 0 ? null : store.known([], ids);
  return known === null || known instanceof Promise ? null : known.ids;
}
