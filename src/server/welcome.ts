/** What the server says of itself: to whoever has proved that it holds the key, and to its host. */
import { hostName } from '../base/ids.ts';
import type { Recovered } from '../control/events.ts';
import type { Message } from '../protocol/messages.ts';
import type { Recovery } from '../store/store.ts';
import type { NetListener } from '../transport/listen.ts';
import { chainLimits } from './core/limits.ts';
import type { ServerInfo, ServerParts } from './messages.ts';

export function welcome({ id, config }: ServerParts, { epoch, salt }: Recovery): Message {
  const { heartrate, evictAfter, noConfirm, limits } = config;
  return [
    'welcome',
    { id, host: hostName(), epoch, salt, heartrate, evictAfter, ...(noConfirm ? { noConfirm } : {}), ...chainLimits(limits) },
  ];
}

/** For the host. */
export function infoOf(
  { config }: ServerParts,
  listener: NetListener | null,
  salt: string,
  recovered: Recovered | null,
): Omit<ServerInfo, 'httpAddress'> {
  return { address: listener?.address ?? null, key: config.auth === null ? (listener?.key ?? null) : null, salt, recovered };
}
