/** What a message means to the server's core of a simulation, with the store's answer to which keys are taken. */
import type { Message } from '../protocol/messages.ts';
import type { CoreEvent } from '../server/core/events.ts';
import type { TaskStore } from '../store/store.ts';
import type { WireTask } from '../task/task.ts';

export function eventOf(store: TaskStore, connection: string, message: Message): CoreEvent | null {
  switch (message[0]) {
    case 'heartbeat':
      return { type: 'contact', connection };
    case 'resume':
      return { type: 'resume', connection, held: message[1] };
    case 'want':
      return { type: 'want', connection, sequence: message[1], tasks: message[2], free: message[3] };
    case 'started':
      return { type: 'started', connection, grant: message[1], places: message[2] };
    case 'results':
      return { type: 'results', connection, sequence: message[1], bundles: message[2] };
    case 'back':
      return { type: 'given-back', connection, given: message[1] };
    case 'bye':
      return { type: 'bye', connection };
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
      throw new Error(`a server does not expect ${message[0]}`);
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
