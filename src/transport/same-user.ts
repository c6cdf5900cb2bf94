/**
 * Whose a connection over loopback is: the kernel of Linux lists the sockets of both ends with their users. So what listens on loopback without a key can
 * still refuse the other users of the machine.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { endianness } from 'node:os';
import { isLoopback } from '../base/address.ts';

const tables = { IPv4: '/proc/net/tcp', IPv6: '/proc/net/tcp6' } as const;

/** Whether this machine tells. */
export function tellsUsers(): boolean {
  return process.getuid !== undefined && existsSync(tables.IPv4);
}

/** Whether the other end of this connection is a socket of the user of this process, or of root. False where that cannot be told. */
export async function isSameUser(socket: Socket): Promise<boolean> {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0, remoteFamily } = socket;
  if (process.getuid === undefined) return false;
  const table = await readFile(tables[remoteFamily === 'IPv6' ? 'IPv6' : 'IPv4'], 'latin1').catch(() => '');
  const user = userOf(table, { host: remoteAddress, port: remotePort }, { host: localAddress, port: localPort });
  return user !== null && (user === 0 || user === process.getuid());
}

interface End {
  readonly host: string;
  readonly port: number;
}

/**
 * The user of the established socket that is bound to one end and connected to the other, both on loopback. Anything else (a socket that nobody
 * holds any more is listed as root's, with no inode) is null.
 */
export function userOf(table: string, from: End, to: End): number | null {
  const [source, target] = [written(from), written(to)];
  if (source === null || target === null) return null;
  const found = new RegExp(`^ *\\d+: ${source} ${target} 01 \\S+ \\S+ \\S+ +(\\d+) +\\d+ +(\\d+) `, 'm').exec(table);
  return found === null || found[2] === '0' ? null : Number(found[1]);
}

/** As the kernel writes an end on loopback: words of 32 bits in the machine's byte order; null: it is not on loopback. */
function written({ host, port }: End): string | null {
  const little = endianness() === 'LE';
  const hex = (n: number, length: number): string => n.toString(16).toUpperCase().padStart(length, '0');
  const word = (bytes: readonly number[]): string => (little ? bytes.toReversed() : bytes).map((byte) => hex(byte, 2)).join('');
  if (!isLoopback(host)) return null;
  const address = host === '::1' ? `${'0'.repeat(24)}${word([0, 0, 0, 1])}` : word(host.split('.').map(Number));
  return /^(?:[0-9A-F]{8}|[0-9A-F]{32})$/.test(address) ? `${address}:${hex(port, 4)}` : null;
}
