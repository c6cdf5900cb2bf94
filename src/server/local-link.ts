/** Connections inside a server's thread, as of a user of the server: both ends are here, and nothing is copied. */
import type { Clock } from '../base/clock.ts';
import { hostName, newId } from '../base/ids.ts';
import type { PeerInfo, Role } from '../protocol/messages.ts';
import { type MemoryLink, memoryLink } from '../transport/memory.ts';

export function peerOf(role: Role): PeerInfo {
  return { role, id: newId(), host: hostName(), pid: process.pid };
}

/** `left` is the user's end, `right` the server's. */
export function localLink(clock: Clock): Pick<MemoryLink, 'left' | 'right'> {
  return memoryLink({ left: peerOf('control'), right: peerOf('server'), copy: false, clock });
}
