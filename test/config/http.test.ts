import { expect, it } from 'vitest';
import {
  parseHttpClientOptions,
  parseHttpPoolOptions,
  parseHttpRequestOptions,
  parseVerifierOptions,
  parseWaitOptions,
} from '../../src/config/http.ts';
import { refusal } from './refusals.ts';

it('requests have thirty seconds, no retries, sixteen MiB, and two at a time on a host in a pool', () => {
  expect(parseHttpClientOptions()).toEqual({ timeout: 30_000, retries: 0, redirects: 5, bodyLimit: 16_777_216, tls: null, headers: {} });
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
