import { connect as tlsConnect } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { fingerprintOf, listenTls } from '../../src/transport/certificate.ts';
import { peerCertificate } from '../../src/transport/client-certificate.ts';
import type { Listener } from '../../src/transport/connection.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { type Authority, newAuthority } from './authority.ts';
import { openConnection, openListener, type TestListener } from './endpoints.ts';

expectNoLeaks();

let ours: Authority;
let theirs: Authority;
beforeAll(async () => {
  [ours, theirs] = await Promise.all([newAuthority('our authority'), newAuthority('another authority')]);
});

const serve = async (authority: Authority = ours): Promise<TestListener> =>
  openListener({ tls: { ...(await authority.sign('the server', { use: 'server' })), ca: ours.ca } });
const port = ({ address }: Listener): number => ('port' in address ? address.port : 0);
const refusal = async (call: Promise<unknown>): Promise<{ code: string; message: string }> =>
  call.then(
    () => ({ code: 'none', message: '' }),
    (error: { code: string; message: string }) => error,
  );

describe('a server that asks for certificates', () => {
  test('lets in who shows one that its authority has signed, and tells its name and fingerprint', async () => {
    const listener = await serve();
    const pair = await ours.sign('worker 7', { use: 'client' });
    const connection = await openConnection(listener.address, { tls: { ...pair, ca: ours.ca } });
    await until(() => listener.accepted.length === 1);
    expect(listener.accepted[0]?.certificate).toEqual({ name: 'worker 7', fingerprint: fingerprintOf(pair.cert) });
    expect(connection.certificate ?? null).toBeNull();
  });

  test.each([
    ['none', async () => ({})],
    ['one of another authority', () => theirs.sign('worker 7', { use: 'client' })],
    ['one that is for servers only', () => ours.sign('worker 7', { use: 'server' })],
  ] as const)('refuses who shows %s, although the key is right, and tells both sides so', async (_, make) => {
    const listener = await serve();
    const error = await refusal(openConnection(listener.address, { tls: { ...(await make()), ca: ours.ca } }));
    expect(error).toMatchObject({ code: 'ERR_TLS', message: expect.stringContaining('tls.cert') });
    await until(() => listener.refused.length === 1);
    expect(listener.refused[0]).toMatchObject({ code: 'ERR_TLS' });
    expect(listener.accepted).toEqual([]);
  });

  test.each([
    ['has run out', { from: -10, to: -1 }],
    ['is not valid yet', { from: 1, to: 10 }],
  ] as const)('refuses a certificate that %s, from who dials with no regard to it too', async (_, times) => {
    const listener = await serve();
    const pair = await ours.sign('worker 7', { use: 'client', ...times });
    // Told before anything is dialled.
    expect(await refusal(openConnection(listener.address, { tls: { ...pair, ca: ours.ca } }))).toMatchObject({
      code: 'ERR_TLS',
      message: expect.stringContaining('tls.cert'),
    });
    expect(listener.refused).toEqual([]);
    const clock = { ...systemClock, wall: () => systemClock.wall() + (times.from + times.to) * 43_200_000 };
    expect(await refusal(openConnection(listener.address, { tls: { ...pair, ca: ours.ca }, clock }))).toMatchObject({ code: 'ERR_TLS' });
    await until(() => listener.refused.length === 1);
    expect(listener.accepted).toEqual([]);
  });

  test('wants the right key too', async () => {
    const listener = await serve();
    const tls = { ...(await ours.sign('worker 7', { use: 'client' })), ca: ours.ca };
    expect(await refusal(openConnection(listener.address, { tls, auth: 'another key entirely' }))).toMatchObject({ code: 'ERR_AUTH' });
    expect(listener.accepted).toEqual([]);
  });

  test('gives no session to take up again: each connection is asked anew', async () => {
    const listener = await serve();
    const pair = await ours.sign('worker 7', { use: 'client' });
    const socket = tlsConnect({ host: '127.0.0.1', port: port(listener), ...pair, ca: ours.ca, maxVersion: 'TLSv1.2' });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.getTLSTicket()).toBeUndefined();
    socket.destroy();
    await closed;
  });

  test('speaks TLS 1.3, and nothing older than 1.2', async () => {
    const listener = await serve();
    const tls = { host: '127.0.0.1', port: port(listener), ca: ours.ca };
    const version = (options: object): Promise<string | null> =>
      new Promise((resolve) => {
        const socket = tlsConnect({ ...tls, ...options });
        socket.once('secureConnect', () => {
          resolve(socket.getProtocol());
          socket.destroy();
        });
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    expect(await version({})).toBe('TLSv1.3');
    expect(await version({ maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
    expect(await version({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).toMatch(/^ERR_SSL_|PROTO/);
  });

  test('refuses what cannot be verified: a socket without TLS, one without a certificate', () => {
    expect(() => peerCertificate({} as never)).toThrow(expect.objectContaining({ code: 'ERR_TLS' }));
  });
});

describe('who dials', () => {
  test.each([
    ['of another authority', { ca: () => theirs.ca }, 'tls.ca'],
    ['for another name', { ca: () => ours.ca, serverName: 'elsewhere.example' }, 'tls.serverName'],
  ] as const)('refuses a server with a certificate %s, and is told what to do', async (_, { ca, ...rest }, advice) => {
    const listener = await openListener({ tls: await ours.sign('the server', { use: 'server' }) });
    const error = await refusal(openConnection(listener.address, { tls: { ca: ca(), ...rest } }));
    expect(error).toMatchObject({ code: 'ERR_TLS', message: expect.stringContaining(advice) });
    expect(listener.accepted).toEqual([]);
  });

  test('refuses a server whose certificate has run out since its start', async () => {
    const pair = await ours.sign('the server', { from: -10, to: -1 });
    const clock = { ...systemClock, wall: () => systemClock.wall() - 5 * 86_400_000 };
    const listener = await openListener({ tls: pair, clock });
    expect(await refusal(openConnection(listener.address, { tls: { ca: ours.ca } }))).toMatchObject({
      code: 'ERR_TLS',
      message: expect.stringContaining('run out'),
    });
  });

  test('does not fall back to a connection without TLS', async () => {
    const listener = await openListener();
    expect(await refusal(openConnection(listener.address, { tls: { ca: ours.ca } }))).toMatchObject({ code: 'ERR_TLS' });
    expect(listener.accepted).toEqual([]);
  });
});

test.each([
  ['a certificate that has run out', () => ours.sign('x', { from: -10, to: -1 }), 'tls.cert'],
  ['a certificate of the future', () => ours.sign('x', { from: 5, to: 9 }), 'tls.cert'],
  ['the key of another certificate', async () => ({ ...(await ours.sign('x')), key: (await ours.sign('y')).key }), 'tls.key'],
  ['an authority that cannot be read', async () => ({ ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }), 'tls.ca'],
] as const)('%s is refused before anything listens or dials', async (_, make, option) => {
  const tls = await make();
  const wrong = { code: 'ERR_TLS', message: expect.stringContaining(option) };
  expect(await refusal(openListener({ tls }))).toMatchObject(wrong);
  expect(await refusal(openConnection({ host: '127.0.0.1', port: 9 }, { tls }))).toMatchObject(wrong);
});

test('the fingerprint of a listener is that of the certificate that it was given', async () => {
  const pair = await ours.sign('the server');
  const { fingerprint, asks } = await listenTls(pair, temporaryFolder(), systemClock);
  expect(fingerprint).toBe(fingerprintOf(pair.cert));
  expect(asks).toBe(false);
});
