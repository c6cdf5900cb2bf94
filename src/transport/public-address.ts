/** Which addresses are of the public network, and the look-up of names that refuses all others: what a name stands for is judged when it is dialled, not before. */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { MillraceError } from '../base/errors.ts';

/**
 * This machine, private and shared networks, links, tests, multicast, and IPv6 that stands for IPv4 (IANA's registries of special-purpose addresses). Two lists: Node
 * takes an IPv4 address for its IPv6 form where both are in one.
 */
const special = {
  4: listOf(
    'ipv4',
    '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4',
  ),
  6: listOf(
    'ipv6',
    '::/96 ::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8',
  ),
} as const;

function listOf(family: 'ipv4' | 'ipv6', networks: string): BlockList {
  const list = new BlockList();
  for (const network of networks.split(' ')) {
    const [address = '', prefix] = network.split('/');
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  return family === 4 ? !special[4].check(address, 'ipv4') : family === 6 && !special[6].check(address, 'ipv6');
}

function notPublic(host: string): MillraceError {
  return new MillraceError('ERR_ADDRESS', `${host} is not an address of the public network, and requests to others are forbidden here`);
}

/** Of a host that is written as an address; null: it is public, or a name that is to be looked up. */
export function refusedLiteral(host: string): MillraceError | null {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 || isPublicAddress(bare) ? null : notPublic(host);
}

type Looked = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** As `dns.lookup`, for `net.connect`; fails where any address of the name is not public. */
export function publicLookup(name: string, options: LookupOptions, callback: Looked): void {
  lookup(name, { ...options, all: true }, (error, found) => {
    const first = found?.[0];
    if (error !== null || first === undefined) callback(error, []);
    else if (!found.every(({ address }) => isPublicAddress(address))) callback(notPublic(name), []);
    else if (options.all === true) callback(null, found);
    else callback(null, first.address, first.family);
  });
}
