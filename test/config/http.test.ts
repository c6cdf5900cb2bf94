import { expect, it } from 'vitest';
import {
  parseHttpClientOptions,
  parseHttpPoolOptions,
  parseHttpRequestOptions,
  parseVerifierOptions,
  parseWaitOptions,
} from '../../src/config/http.ts';
import { parseServerOptions } from '../../src/config/server.ts';
import type { ServerOptions } from '../../src/config/server-options.ts';
import { refusal } from './refusals.ts';

it('requests have thirty seconds, no retries, sixteen MiB, and two at a time on a host in a pool', () => {
  expect(parseHttpClientOptions()).toEqual({
    timeout: 30_000,
    retries: 0,
    redirects: 5,
    bodyLimit: 16_777_216,
    tls: null,
    headers: {},
    privateAddresses: true,
  });
  expect(parseHttpPoolOptions().pool).toEqual({ simultaneous: 2 });
  expect(parseWaitOptions()).toEqual({ count: Number.POSITIVE_INFINITY, timeout: null, signal: null });
  expect(parseVerifierOptions()).toEqual({ window: 60_000, plain: false, hosts: null, remembered: 100_000 });
});

it('names of headers are lower-case, numbers become texts, a query is a list of pairs', () => {
  const options = { headers: { 'X-Size': 7, Accept: ' text/csv ' }, query: { a: [1, true], b: null, c: 'd' }, timeout: '250ms' };
  expect(parseHttpRequestOptions(options)).toMatchObject({
    headers: { 'x-size': '7', accept: 'text/csv' },
    query: [
      ['a', '1'],
      ['a', 'true'],
      ['c', 'd'],
    ],
    timeout: 250,
  });
  expect(parseHttpRequestOptions({ query: new URLSearchParams('a=1&a=2') }).query).toHaveLength(2);
});

it.each([
  ['timeout', { timeout: 0 }, 'ERR_OPTION'],
  ['timeout', { timeout: 'soon' }, 'ERR_DURATION'],
  ['retries', { retries: -1 }, 'ERR_OPTION'],
  ['redirects', { redirects: 1.5 }, 'ERR_OPTION'],
  ['bodyLimit', { bodyLimit: '8X' }, 'ERR_SIZE'],
  ['bodyLimit', { bodyLimit: '1TB' }, 'ERR_SIZE'],
  ['headers', { headers: ['a'] }, 'ERR_OPTION'],
  ['headers', { headers: { a: null } }, 'ERR_OPTION'],
  ['tls', { tls: false }, 'ERR_OPTION'],
  ['bodylimit', { bodylimit: 1 }, 'ERR_UNKNOWN_OPTION'],
])('a wrong %s of a client is refused', (option, options, code) => {
  expect(refusal(() => parseHttpClientOptions(options as object))).toMatchObject({ code, option });
});

it('no value of a header stands in a message', () => {
  expect(refusal(() => parseHttpRequestOptions({ headers: { authorization: 'secret\nword' } })).message).not.toContain('secret');
});

it('a wrong option of a request, a pool, a wait and a verifier is refused', () => {
  const list: [unknown, string][] = [
    [refusal(() => parseHttpRequestOptions({ query: { a: {} } } as object)), 'query'],
    [refusal(() => parseHttpRequestOptions({ signal: 1 } as object)), 'signal'],
    [refusal(() => parseHttpPoolOptions({ simultaneous: 0 })), 'simultaneous'],
    [refusal(() => parseWaitOptions({ count: 1.5 })), 'count'],
    [refusal(() => parseVerifierOptions({ window: '10ms' })), 'window'],
    [refusal(() => parseVerifierOptions({ hosts: [] })), 'hosts'],
  ];
  for (const [refused, option] of list) expect(refused).toMatchObject({ code: 'ERR_OPTION', option });
});

it('the HTTP face of a server has its defaults, and forms that people write become one', () => {
  const face = (http: NonNullable<ServerOptions['http']>) => parseServerOptions({ http }).config.http;
  expect(parseServerOptions().config.http).toBe(null);
  expect(face({})).toEqual({
    address: { host: 'localhost', port: 50_080 },
    auth: [],
    tls: null,
    routes: null,
    hosts: null,
    bodyLimit: 16_777_216,
    timeout: 60_000,
    privateAddresses: true,
    showStack: false,
  });
  const auth = [{ login: 'root', key: 'toor' }, { token: 'abc' }, { token: 'def', login: 'prometheus' }];
  expect(
    face({ address: '127.0.0.1:0', auth, hosts: ['Server.Example'], timeout: '5s', routes: new URL('file:///a/routes.js') }),
  ).toMatchObject({
    auth: [
      { kind: 'key', login: 'root', key: 'toor' },
      { kind: 'token', login: 'token', token: 'abc' },
      { kind: 'token', login: 'prometheus', token: 'def' },
    ],
    hosts: ['server.example'],
    timeout: 5_000,
    routes: 'file:///a/routes.js',
  });
  expect(face({ auth: auth[0]!, routes: '/a/routes.js' })).toMatchObject({ auth: [{ login: 'root' }], routes: 'file:///a/routes.js' });
});

it('wrong options of the HTTP face are refused by name, and no key is repeated', () => {
  const secret = 'the-secret-that-nobody-may-see';
  const wrong: [http: unknown, code: string][] = [
    [5, 'ERR_OPTION'],
    [secret, 'ERR_OPTION'],
    [{ adress: 'localhost:1' }, 'ERR_UNKNOWN_OPTION'],
    [{ address: 'nowhere' }, 'ERR_ADDRESS'],
    [{ address: { path: '/tmp/x' } }, 'ERR_ADDRESS'],
    [{ address: '0.0.0.0:1' }, 'ERR_AUTH_REQUIRED'],
    [{ address: '0.0.0.0:1', auth: { login: secret.slice(0, 8), key: secret.slice(0, 11) } }, 'ERR_AUTH_WEAK'],
    [{ address: '0.0.0.0:1', auth: [{ token: secret }, { token: secret.slice(0, 15) }] }, 'ERR_AUTH_WEAK'],
    [{ auth: secret }, 'ERR_OPTION'],
    [{ auth: { login: 'root' } }, 'ERR_OPTION'],
    [{ auth: { login: 'root', key: secret, token: secret } }, 'ERR_OPTION'],
    [{ auth: { token: `${secret} ${secret}` } }, 'ERR_OPTION'],
    [{ auth: { token: secret }, bodyLimit: {} }, 'ERR_SIZE'],
    [{ auth: { token: secret }, routes: new URL('https://example.org/routes.js') }, 'ERR_OPTION'],
    [{ auth: { token: secret }, hosts: [] }, 'ERR_OPTION'],
    [{ auth: { token: secret }, tls: { cert: secret } }, 'ERR_OPTION'],
    [{ auth: { token: secret }, showStack: secret }, 'ERR_OPTION'],
  ];
  for (const [http, code] of wrong) {
    const { message, ...told } = refusal(() => parseServerOptions({ http } as ServerOptions));
    expect(told.code, `${JSON.stringify(http)}: ${message}`).toBe(code);
    expect(message).not.toContain(secret.slice(0, 11));
    expect(message).toContain('http');
  }
  expect(refusal(() => parseServerOptions({ http: { adress: 'x:1' } } as ServerOptions)).message).toContain("Did you mean 'address'?");
});
