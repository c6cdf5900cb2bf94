import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { fingerprintOf, ownCertificate } from '../../src/transport/certificate.ts';
import { openKeyFolder } from '../../src/transport/key-folder.ts';
import { Listening } from '../contract/connection-fixture.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { openConnection, openListener } from './endpoints.ts';

expectNoLeaks();

const code = (name: string) => expect.objectContaining({ code: name });
const keys = (): string => join(temporaryFolder(), 'keys');
const port = (address: object): number => ('port' in address ? (address.port as number) : 0);

describe('the certificate of this machine', () => {
  test('is made once, for its user only', async () => {
    const folder = keys();
    openKeyFolder(folder);
    const made = await ownCertificate(folder, systemClock);
    expect(statSync(join(folder, 'certificate.pem')).mode & 0o777).toBe(0o600);
    expect(await ownCertificate(folder, systemClock)).toBe(made);
  });

  test('is one for all servers that need it at the same time', async () => {
    const folder = keys();
    openKeyFolder(folder);
    const made = await Promise.all([1, 2, 3].map(() => ownCertificate(folder, systemClock)));
    expect(new Set(made.map(fingerprintOf)).has(fingerprintOf(readFileSync(join(folder, 'certificate.pem'), 'utf8')))).toBe(true);
    expect(fingerprintOf(await ownCertificate(folder, systemClock))).toBe(
      fingerprintOf(readFileSync(join(folder, 'certificate.pem'), 'utf8')),
    );
  });

  test('is made anew before it runs out', async () => {
    const folder = keys();
    openKeyFolder(folder);
    const old = await ownCertificate(folder, { ...systemClock, wall: () => systemClock.wall() - 11 * 365 * 86_400_000 });
    const fresh = await ownCertificate(folder, systemClock);
    expect(fingerprintOf(fresh)).not.toBe(fingerprintOf(old));
  });

  test.each(['localhost', '127.0.0.1', '::1'])('is trusted by clients of the same user that dial %s', async (host) => {
    const keyFolder = keys();
    const listener = await openListener({ address: 'localhost:0', tls: true, keyFolder });
    const left = await openConnection({ host, port: port(listener.address) }, { tls: true, keyFolder });
    await until(() => listener.accepted.length === 1);
    const heard = new Listening(listener.accepted[0]!);
    left.send(['heartbeat']);
    await until(() => heard.messages.length === 1);
  });

  test('needs no key file for the key of the server to be found too', async () => {
    const keyFolder = keys();
    const listener = await openListener({ address: 'localhost:0', tls: true, auth: null, keyFolder });
    await openConnection(listener.address, { tls: true, auth: null, keyFolder });
  });
});

describe('trust', () => {
  test('a certificate that nobody vouches for is ERR_TLS', async () => {
    const listener = await openListener({ tls: true });
    await expect(openConnection(listener.address, { tls: true })).rejects.toEqual(code('ERR_TLS'));
    expect(listener.accepted).toEqual([]);
  });

  test('a given certificate is trusted through its ca, and only under its names', async () => {
    const keyFolder = keys();
    const listener = await openListener({ tls: true, keyFolder });
    const ca = readFileSync(join(keyFolder, 'certificate.pem'), 'utf8');
    await openConnection(listener.address, { tls: { ca } });
    await openConnection(listener.address, { tls: { ca, serverName: 'localhost' } });
    await expect(openConnection(listener.address, { tls: { ca, serverName: 'example.com' } })).rejects.toEqual(code('ERR_TLS'));
  });

  test('a pinned certificate is trusted whoever made it, and no other is', async () => {
    const keyFolder = keys();
    const listener = await openListener({ tls: true, keyFolder });
    const fingerprint = fingerprintOf(readFileSync(join(keyFolder, 'certificate.pem'), 'utf8'));
    await openConnection(listener.address, { tls: { fingerprint } });
    await openConnection(listener.address, { tls: { fingerprint: fingerprint.toUpperCase().replace(/..(?=.)/g, '$&:') } });
    for (const wrong of [`${fingerprint.startsWith('0') ? '1' : '0'}${fingerprint.slice(1)}`, '', 'zz', fingerprint.slice(0, 62)])
      await expect(openConnection(listener.address, { tls: { fingerprint: wrong } }), wrong).rejects.toEqual(code('ERR_TLS'));
    await until(() => listener.accepted.length === 2);
  });

  test('a server takes a certificate and key that it is given, and refuses ones that cannot be read', async () => {
    const folder = keys();
    openKeyFolder(folder);
    const pem = await ownCertificate(folder, systemClock);
    const keyFolder = keys();
    const listener = await openListener({ tls: { cert: pem, key: pem }, keyFolder });
    await openConnection(listener.address, { tls: { ca: pem } });
    expect(existsSync(join(keyFolder, 'certificate.pem'))).toBe(false);
    const bad = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    await expect(openListener({ tls: { cert: bad, key: bad } })).rejects.toEqual(code('ERR_TLS'));
  });

  test('TLS on a unix socket is refused', async () => {
    const path = join(temporaryFolder(), 's');
    await expect(openListener({ address: { path }, tls: true })).rejects.toEqual(code('ERR_TLS'));
    await expect(openConnection({ path }, { tls: true })).rejects.toEqual(code('ERR_TLS'));
  });
});

describe('one side with TLS, the other without', () => {
  test('a plain client is told that the server wants TLS', async () => {
    const listener = await openListener({ tls: true });
    await expect(openConnection(listener.address)).rejects.toEqual(code('ERR_TLS'));
    await until(() => listener.refused.length === 1);
    expect(listener.refused[0]).toEqual(code('ERR_TLS'));
  });

  test('a plain server notices that it was dialled with TLS, and so does who dialled', async () => {
    const listener = await openListener();
    await expect(openConnection(listener.address, { tls: true })).rejects.toEqual(code('ERR_TLS'));
    await until(() => listener.refused.length === 1);
    expect(listener.refused[0]).toEqual(code('ERR_TLS'));
  });
});

test('a wrong key is ERR_AUTH under TLS too', async () => {
  const keyFolder = keys();
  const listener = await openListener({ tls: true, keyFolder });
  await expect(openConnection(listener.address, { tls: true, keyFolder, auth: 'another key entirely' })).rejects.toEqual(code('ERR_AUTH'));
});
