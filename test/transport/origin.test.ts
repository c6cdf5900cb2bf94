import { expect, test } from 'vitest';
import { originOf } from '../../src/transport/origin.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:192.0.2.7', '192.0.2.7'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::1:2:3:4', '2001:db8:0:0::/64'],
  ['2001:db8::5', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
])('%s counts as %s', (address, origin) => expect(originOf(address)).toBe(origin));

test('a unix socket has no address to count by', () => {
  expect(originOf(undefined)).toBeNull();
  expect(originOf('')).toBeNull();
});

test('all addresses of one IPv6 network are one, and those of the next another', () => {
  expect(originOf('2001:db8:1:2:ffff::1')).toBe(originOf('2001:db8:1:2::'));
  expect(originOf('2001:db8:1:3::1')).not.toBe(originOf('2001:db8:1:2::1'));
});
