import { expect, it } from 'vitest';
import { parseOrigin } from '../../src/http/origin.ts';

it.each([
  ['server.napix.nx', 'https://server.napix.nx', 'server.napix.nx'],
  ['Server.Napix.NX:8443', 'https://server.napix.nx:8443', 'server.napix.nx:8443'],
  ['server:443', 'https://server', 'server'],
  ['server:80', 'https://server:80', 'server:80'],
  ['localhost', 'http://localhost', 'localhost'],
  ['localhost:8080', 'http://localhost:8080', 'localhost:8080'],
  ['127.0.0.1:80', 'http://127.0.0.1', '127.0.0.1'],
  ['[::1]:8080', 'http://[::1]:8080', '[::1]:8080'],
  ['10.0.0.1', 'https://10.0.0.1', '10.0.0.1'],
  ['http://server.example:8080/', 'http://server.example:8080', 'server.example:8080'],
  ['https://localhost', 'https://localhost', 'localhost'],
  [new URL('http://a.example'), 'http://a.example', 'a.example'],
  [['server', 8080] as const, 'https://server:8080', 'server:8080'],
  [{ host: '::1', port: 8080 }, 'http://[::1]:8080', '[::1]:8080'],
])('%s is the origin %s', (given, url, host) => {
  expect(parseOrigin(given)).toMatchObject({ url, host });
});

it.each([
  '',
  ' ',
  'a b',
  'server/path',
  'http://server/path',
  'http://server/?q',
  'http://server/#f',
  'http://user:password@server',
  'user@server',
  'ftp://server',
  'file:///etc/passwd',
  'server:0',
  'server:99999',
  'server\\path',
  'http://',
  '::1',
  7,
  null,
  { path: '/run/socket' },
])('%s names no server', (given) => {
  expect(() => parseOrigin(given as string)).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS' }));
});

it('a password in a host that is refused is not repeated', () => {
  expect(() => parseOrigin('http://user:password@server')).toThrow(/^(?!.*password)/);
});
