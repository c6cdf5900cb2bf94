/** The connections of proxies to a daemon and a name server of Pyro4 that know nothing of us. */
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { bounded, control, locateNS, NamingError, remoteTraceback, URI } from '../../src/remote/index.ts';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { newAuthority } from '../transport/authority.ts';
import { failure, music, open } from './pyro-parts.ts';
import { checkPyro, pyroServer } from './python.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();
beforeAll(checkPyro);

describe('the name server of Pyro4', () => {
  test('is asked at each connection by proxies of names and of tags', async () => {
    const server = await pyroServer({ names: true });
    const at = server.names.split('@')[1];
    const named = open(`PYRONAME:demo.music@${at}`);
    expect(await named.add(1, 1)).toBe(2);
    await using names = await locateNS(server.names);
    await names.register('demo.music', server.counter);
    expect(await named.add(2, 2)).toBe(4);
    control(named).release();
    expect(await (named as unknown as { call(): Promise<number> }).call()).toBe(1);
    expect(
      await open(`PYROMETA:sound,demo@${at}`)
        .add(1)
        .catch((error: Error) => error.message),
    ).toMatch(/no object has the tags/);
    expect(await open<{ call(): number }>(`PYROMETA:demo@${at}`).call()).toBe(1);
    expect(await failure(open(`PYRONAME:demo.nothing@${at}`).add(1))).toMatchObject({ code: 'ERR_NAME' });
  });

  test('is read and written in the words of ours', async () => {
    const server = await pyroServer({ names: true });
    await using names = await locateNS(server.names);
    expect((await names.lookup('demo.music')).toString()).toBe(server.music);
    expect([...(await names.list({ prefix: 'demo.' }))]).toEqual([
      ['demo.counter', server.counter],
      ['demo.music', server.music],
    ]);
    expect([...(await names.list({ regex: /count/ })).keys()]).toEqual(['demo.counter']);
    expect([...(await names.list({ metadataAll: ['demo', 'sound'] })).keys()]).toEqual(['demo.music']);
    expect((await names.list({ metadataAny: ['demo', 'other'] })).size).toBe(2);
    expect(await failure(names.list({ prefix: 'a', metadataAll: ['b'] }))).toMatchObject({ code: 'ERR_OPTION' });
    expect((await names.metadata('demo.music')).toSorted()).toEqual(['demo', 'sound']);
    await names.setMetadata('demo.music', ['quiet']);
    expect(await names.metadata('demo.music')).toEqual(['quiet']);
    await names.register('mine', new URI(server.music), { metadata: ['a'] });
    expect([await names.count(), await names.metadata('mine')]).toEqual([4, ['a']]);
    const twice = await failure(names.register('mine', server.music, { safe: true }));
    expect(twice).toBeInstanceOf(NamingError);
    expect(remoteTraceback(twice)).toContain('name already registered');
    expect([await names.remove('mine'), await names.remove('mine')]).toEqual([true, false]);
    expect(await failure(names.lookup('mine'))).toMatchObject({ code: 'ERR_NAME', message: 'unknown name: mine' });
    expect(await failure(names.setMetadata('mine', ['a']))).toMatchObject({ code: 'ERR_NAME' });
    expect(await failure(names.register('x', 'mill:a@b:1'))).toMatchObject({ code: 'ERR_URI' });
    await names.ping();
    expect(names.uri).toBe(server.names);
  });
});

describe('a connection to a daemon of Pyro4', () => {
  test('ends a call by time-out or signal, and makes the next over another connection', async () => {
    const [remote] = await music();
    await control(remote).bind();
    // Behind it on its connection, the next would wait for 45 s.
    expect(await failure(bounded(remote, { timeout: 0.1 }).sleep(45))).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(await remote.add(1, 1)).toBe(2);
    const controller = new AbortController();
    const aborted = failure(bounded(remote, { signal: controller.signal }).sleep(0.5));
    const beside = remote.add(2, 2);
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'ERR_ABORTED' });
    expect(await remote.add(1, 1)).toBe(2);
    // It was sent before the other was given up: it has its answer, late.
    expect(await beside).toBe(4);
  });

  test('connects again to a daemon that was started again, and not to another object', async () => {
    const port = await freePort();
    const [remote, server] = await music({ port });
    expect(await remote.add(1, 1)).toBe(2);
    await server.kill();
    expect(await failure(remote.add(1, 1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    const again = control(remote).reconnect();
    const next = await pyroServer({ port });
    await again;
    expect(await remote.add(2, 2)).toBe(4);
    expect(await failure(open(next.music.replace('music', 'absent')).add(1))).toMatchObject({ code: 'ERR_OBJECT' });
  });

  test('is let in with the key of the daemon only', async () => {
    const server = await pyroServer({ key: 'a secret of both' });
    expect(await open(server.music, { auth: 'a secret of both' }).add(1, 1)).toBe(2);
    expect(await failure(open(server.music, { auth: 'another secret' }).add(1, 1))).toMatchObject({ code: 'ERR_AUTH' });
    expect(await failure(open(server.music).add(1, 1))).toMatchObject({ code: 'ERR_AUTH' });
    const [keyless] = await music({}, { auth: 'a secret of one' });
    expect(await failure(keyless.add(1, 1))).toMatchObject({ code: 'ERR_AUTH' });
  });

  test('is under TLS where the daemon has it, with a certificate that is trusted', async () => {
    const authority = await newAuthority('the tests');
    const { cert, key } = await authority.sign('localhost');
    const folder = temporaryFolder();
    writeFileSync(`${folder}/cert.pem`, cert);
    writeFileSync(`${folder}/key.pem`, key, { mode: 0o600 });
    const server = await pyroServer({ cert: `${folder}/cert.pem`, privateKey: `${folder}/key.pem` });
    const trusting = open(server.music, { tls: { ca: authority.ca } });
    expect(await Promise.all([trusting.add(1, 2), trusting.add(3, 4)])).toEqual([3, 7]);
    expect(await failure(open(server.music, { tls: { ca: (await newAuthority('others')).ca } }).add(1, 2))).toMatchObject({
      code: 'ERR_TLS',
    });
    expect(await failure(open(server.music).add(1, 2))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });

  test('says at the greeting what the daemon asks for', async () => {
    const server = await pyroServer({ password: 'open' });
    expect(await open(server.music, { pyro: { handshake: { password: 'open' } } }).add(1, 1)).toBe(2);
    const refused = await failure(open(server.music).add(1, 1));
    expect(refused).toMatchObject({ code: 'ERR_CONNECTION_CLOSED', message: expect.stringContaining('wrong password') });
  });

  test('takes compressed answers, and messages up to its limit', async () => {
    const [remote, server] = await music({ compress: true, multiplex: true });
    expect(await remote.big(3_000_000)).toBe('x'.repeat(3_000_000));
    const small = open(server.music, { pyro: { maxMessageSize: '100k' } });
    expect(await failure(small.echo('x'.repeat(200_000)))).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
    expect(await small.add(1, 1)).toBe(2);
    // It is one of 3 KB on the wire.
    expect(await failure(small.big(3_000_000))).toMatchObject({ code: 'ERR_PROTOCOL', message: expect.stringContaining('limit') });
    const [plain] = await music({}, { pyro: { maxMessageSize: '100k' } });
    expect(await failure(plain.big(3_000_000))).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
  });

  test('goes over a unix socket', async () => {
    const path = `${temporaryFolder()}/p`;
    const [remote, server] = await music({ path });
    expect(server.music).toBe(`PYRO:music@./u:${path}`);
    expect(await remote.add(1, 1)).toBe(2);
  });

  test('says where nobody is', async () => {
    const nobody = open(`PYRO:music@127.0.0.1:${await freePort()}`);
    expect(await failure(nobody.add(1))).toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
      message: expect.stringContaining('nobody listens'),
    });
    expect(await failure(control(nobody).reconnect(2))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(control(nobody).uri).toBe(new URI(control(nobody).uri).toString());
  });
});
