/** What the server says of itself to whoever has proved that it holds the key. */
import { hostName } from '../base/ids.ts';
import type { Message } from '../protocol/messages.ts';
import type { Recovery } from '../store/store.ts';
import { chainLimits } from './core/limits.ts';
import type { ServerParts } from './messages.ts';

export function welcome({ id, config }: ServerParts, { epoch, salt }: Recovery): Message {
  const { heartrate, evictAfter, noConfirm, limits } = config;
  return [
    'welcome',
    { id, host: hostName(), epoch, salt, heartrate, evictAfter, ...(noConfirm ? { noConfirm } : {}), ...chainLimits(limits) },
  ];
}
