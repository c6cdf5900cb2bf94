/** The fence: whether a client still holds a task under the grant that it names. An object of its own, so that a simulation can show what breaks without it. */
import type { GrantId } from '../../protocol/messages.ts';
import type { CoreClient, CoreTask } from './entities.ts';

export type Fence = (task: CoreTask, grant: GrantId, client: CoreClient) => boolean;

export const strictFence: Fence = (task, grant, client) => task.grant?.id === grant && task.grant.client === client;
