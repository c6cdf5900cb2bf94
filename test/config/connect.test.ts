import { expect, it } from 'vitest';
import { parseConnectOptions } from '../../src/config/connect.ts';
import { refusal } from './refusals.ts';

it('a connection has an address, and thirty seconds to be made', () => {
  expect(parseConnectOptions(['localhost', 1]).config).toEqual({
    address: { host: 'localhost', port: 1 },
    auth: null,
    tls: null,
    connectTimeout: 30_000,
  });
  expect(parseConnectOptions('localhost:1', { auth: 'my-secret-key', tls: true, connectTimeout: '5s' }).config).toMatchObject({
    auth: 'my-secret-key',
    tls: {},
    connectTimeout: 5_000,
  });
});

it('a certificate of this side comes with its key, or not at all', () => {
  const pem = '-----BEGIN CERTIFICATE-----';
  expect(parseConnectOptions('a:1', { tls: { cert: pem, key: pem } }).config.tls).toEqual({ cert: pem, key: pem });
  expect(refusal(() => parseConnectOptions('a:1', { tls: { cert: pem } }))).toMatchObject({ code: 'ERR_OPTION', option: 'tls.cert' });
  expect(refusal(() => parseConnectOptions('a:1', { tls: { passphrase: 'x' } }))).toMatchObject({ option: 'tls.passphrase' });
  expect(parseConnectOptions('a:1', { tls: { ca: pem, serverName: 'b' } }).config.tls).toEqual({ ca: pem, serverName: 'b' });
});

it('a pinned fingerprint may have colons and capitals', () => {
  const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':');
  expect(parseConnectOptions('a:1', { tls: { fingerprint } }).config.tls).toEqual({ fingerprint: 'ab'.repeat(32) });
});

it('a wrong address and a wrong option of a connection are refused', () => {
  expect(refusal(() => parseConnectOptions('localhost:0'))).toMatchObject({ code: 'ERR_ADDRESS', option: 'address' });
  expect(refusal(() => parseConnectOptions(undefined as unknown as 'a:1'))).toMatchObject({ code: 'ERR_ADDRESS' });
  // A port that is a text is told with its host: neither is one of several servers.
  expect(() => parseConnectOptions(['localhost', '50001'] as unknown as 'a:1')).toThrow(/it is \["localhost","50001"\]$/);
  expect(refusal(() => parseConnectOptions('a:1', { timeout: 1 } as object))).toMatchObject({
    code: 'ERR_UNKNOWN_OPTION',
    option: 'timeout',
  });
});
