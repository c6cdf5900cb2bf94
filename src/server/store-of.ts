/** Opens the store that a server's options name, and closes it. */
import type { Logger } from '../base/log.ts';
import { openStore } from '../store/open.ts';
import type { TaskStore } from '../store/store.ts';
import type { ServerParts } from './messages.ts';

/** @throws ERR_DATABASE and its kin, ERR_OPTION */
export function openStoreOf({ config, clock }: ServerParts): Promise<TaskStore> {
  const { count, age } = config.retain;
  const retain = { ...(count === null ? {} : { count }), ...(age === null ? {} : { age }) };
  return openStore(config.database ?? undefined, { retain, clock });
}

export async function closeStore(store: TaskStore, logger: Logger): Promise<void> {
  try {
    await store.close();
  } catch (error) {
    logger.error({ err: error }, 'the store did not close');
  }
}
