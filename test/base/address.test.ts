import { describe, expect, it } from 'vitest';
import { formatAddress, isLoopback, parseAddress } from '../../src/base/address.ts';

const refused = (address: unknown): string => {
  try {
    parseAddress(address);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'accepted';
};

describe('an address', () => {
  it('is read in every form that people write', () => {
    const forms: [unknown, object][] = [
      [['localhost', 50001], { host: 'localhost', port: 50001 }],
      ['localhost:50001', { host: 'localhost', port: 50001 }],
      [' my.server.univ.edu:0 ', { host: 'my.server.univ.edu', port: 0 }],
      ['[::1]:80', { host: '::1', port: 80 }],
      [['::1', 80], { host: '::1', port: 80 }],
      [['[fe80::1%eth0]', 80], { host: 'fe80::1%eth0', port: 80 }],
      [
        { host: '0.0.0.0', port: 65535 },
        { host: '0.0.0.0', port: 65535 },
      ],
      [{ path: 'a b/c.sock' }, { path: 'a b/c.sock' }],
    ];
    for (const [form, parsed] of forms) expect(parseAddress(form), JSON.stringify(form)).toEqual(parsed);
  });

  it('is refused with ERR_ADDRESS when it is anything else', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const bad of [
      'localhost',
      ':50001',
      '::1:50001',
      '[localhost:50001',
      'localhost:65536',
      'localhost:-1',
      'local host:1',
      'http://localhost:1',
      '',
      ['localhost', '50001'],
      ['localhost', 1.5],
      ['localhost', Number.NaN],
      ['', 1],
      ['localhost'],
      ['localhost', 1, 2],
      { host: 'localhost' },
      { port: 1 },
      { path: '' },
      { path: 'a\0b' },
      { path: 'a', port: 1 },
      { path: 'x'.repeat(108) },
      {},
      null,
      undefined,
      50001,
      10n,
      cycle,
    ]) {
      expect(refused(bad), String(typeof bad)).toBe('ERR_ADDRESS');
    }
  });

  it('names the option, the value and the forms in its message', () => {
    expect(() => parseAddress('localhost', 'nameServer')).toThrow(/^nameServer must be .*'host:port'.*it is "localhost"$/);
  });

  it('is loopback only where no other machine can reach it', () => {
    for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1'])
      expect(isLoopback(host), host).toBe(true);
    for (const host of ['0.0.0.0', '::', '127.0.0.1.evil.org', '128.0.0.1', '127.0.0.256', 'localhost.evil.org', '10.0.0.1', '1127.0.0.1'])
      expect(isLoopback(host), host).toBe(false);
  });

  it('is written so that it can be read again', () => {
    for (const text of ['localhost:1', '[::1]:80', '0.0.0.0:0']) expect(formatAddress(parseAddress(text))).toBe(text);
    expect(formatAddress({ path: 'a.sock' })).toBe('a.sock');
  });
});
