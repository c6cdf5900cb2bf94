/** Tasks go out to a client under one grant: leased, written and, after the commit, sent. */
import type { GrantedTask } from '../../protocol/messages.ts';
import { enter, taskState } from '../../task/state.ts';
import type { CoreClient, CoreTask } from './entities.ts';
import type { CoreState } from './state.ts';

/** `tasks` becomes the grant's own list; all of them have had as many attempts. */
export function send(state: CoreState, client: CoreClient, tasks: CoreTask[]): void {
  const attempt = tasks[0]!.attempts + 1;
  const granted: GrantedTask[] = [];
  for (const task of tasks) {
    enter(task, taskState.leased);
    granted.push([task.n, task.submittedAt, task.wire]);
    state.note('scheduled', task, attempt, client);
  }
  const grant = state.leases.grant(client, attempt, tasks);
  client.sent += granted.length;
  client.free = Math.max(0, client.free - granted.length);
  state.send(client.connection, ['work', grant.id, attempt, granted]);
}
