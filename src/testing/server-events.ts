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
      };
    default:
      return clientEvent(connection, message);
  }
}

function knownOf(store: TaskStore, tasks: readonly WireTask[]): Map<number, number> | null {
  const keys = tasks.flatMap(([, , , attributes]) => (attributes?.key === undefined ? [] : [attributes.key]));
  if (keys.length === 0) return null;
  const known = store.known(keys, []);
  if (known instanceof Promise) return null;
  const places = new Map<number, number>();
  tasks.forEach(([, , , attributes], place) => {
    const n = attributes?.key === undefined ? undefined : known.keys.get(attributes.key);
    if (n !== undefined) places.set(place, n);
  });
  return places;
}
