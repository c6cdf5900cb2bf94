/** What a message means to the server's core of a simulation, with the store's answer to which keys are taken. */
import type { Message } from '../protocol/messages.ts';
import type { ServerCore } from '../server/core/core.ts';
import type { CoreEvent } from '../server/core/events.ts';
import { clientEvent } from '../server/link.ts';
import { knownPlaces, userNames } from '../store/known.ts';
import type { TaskStore } from '../store/store.ts';
import { taskState } from '../task/state.ts';
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
  const { keys, ids } = userNames(tasks);
  if (keys.length + ids.length === 0) return null;
  const known = store.known(keys, ids);
  return known instanceof Promise ? null : knownPlaces(tasks, known);
}

function parentsOf(store: TaskStore, tasks: readonly WireTask[]): ReadonlyMap<string, number> | null {
  const ids = tasks.flatMap(([, , , attributes]) => attributes?.dependsOn ?? []);
  const known = ids.length === 0 ? null : store.known([], ids);
  return known === null || known instanceof Promise ? null : known.ids;
}

/** The mutation of one-phase recall: as if the client had given back at once what is recalled. */
export function takenBack(core: ServerCore, connection: string, tasks: number): CoreEvent {
  const client = core.clients().find((client) => client.connection === connection);
  const grants = client === undefined ? [] : [...client.grants.values()];
  const held = grants.flatMap(({ id, tasks }) => tasks.flatMap((task) => (task?.state === taskState.leased ? [{ id, n: task.n }] : [])));
  return { type: 'given-back', connection, given: held.slice(-tasks).map(({ id, n }) => [id, [n, n]]) };
}
