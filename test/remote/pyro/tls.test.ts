/** A `PyroDaemon` under TLS: proxies of ours, strangers, and peers that break the handshake. */
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { control, PyroDaemon } from '../../../src/remote/index.ts';
import { kinds } from '../../../src/remote/pyro/core/frame.ts';
import type { TlsParts } from '../../../src/transport/certificate.ts';
import { expectNoLeaks } from '../../support/leaks.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';
import { newAuthority } from '../../transport/authority.ts';
import { failure } from '../parts.ts';
import { hello, open, type Raw, raw, to } from './parts.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

/** Both ends of the connections of this process. */
const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function certified(): Promise<{ ca: string; tls: TlsParts }> {
  const authority = await newAuthority('the tests');
  return { ca: authority.ca, tls: await authority.sign('localhost') };
}

describe('a PyroDaemon under TLS', () => {
  test('is called by who trusts its certificate, and by nobody without TLS', async () => {
    const { ca, tls } = await certified();
    const { uri, daemon } = await open({ tls });
    const remote = to(uri, { tls: { ca } });
    expect(await Promise.all([remote.add(1, 2), remote.add(3, 4)])).toEqual([3, 7]);
    expect(await remote.text(2_000_000)).toHaveLength(2_000_000);
    expect(await remote.echo('x'.repeat(2_000_000))).toHaveLength(2_000_000);
    expect(await failure(to(uri, { tls: { ca: (await newAuthority('others')).ca } }).add(1, 1))).toMatchObject({ code: 'ERR_TLS' });
    expect(await failure(to(uri).add(1, 1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(daemon.sessions).toBe(1);
    await daemon.stop();
    expect(await failure(remote.add(1, 1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });

  test('lets in only who shows a certificate of its authority, where it has one', async () => {
    const authority = await newAuthority('the tests');
    const { ca } = authority;
    const { uri, daemon } = await open({ tls: { ...(await authority.sign('localhost')), ca } });
    const other = await newAuthority('others');
    for (const pair of [{}, await other.sign('a caller')])
      expect(await failure(to(uri, { tls: { ca, ...pair } }).add(1, 1))).toMatchObject({
        code: expect.stringMatching(/^ERR_(TLS|CONNECTION_CLOSED)$/),
      });
    expect(daemon.sessions).toBe(0);
    expect(await to(uri, { tls: { ca, ...(await authority.sign('a caller')) } }).add(1, 2)).toBe(3);
  });

  test('uses the certificate of this machine by `true`, on each address of localhost', async () => {
    const { uri } = await open({ host: 'localhost', tls: true });
    expect(await to(uri, { tls: true }).add(1, 2)).toBe(3);
  });

  test('refuses a certificate that cannot be used, and a unix socket', async () => {
    const { tls } = await certified();
    expect(await failure(PyroDaemon.new({ tls: { cert: 'none', key: 'none' } }))).toMatchObject({ code: 'ERR_TLS' });
    expect(await failure(PyroDaemon.new({ tls, path: `${temporaryFolder()}/p` }))).toMatchObject({ code: 'ERR_TLS' });
    expect(await failure(PyroDaemon.new({ tls, host: '0.0.0.0' }))).toMatchObject({ code: 'ERR_AUTH_REQUIRED' });
  });

  test('cuts off who breaks the handshake, leaves it undone, or says nothing after it, and harms nobody', async () => {
    const { ca, tls } = await certified();
    const { uri, port, daemon } = await open({ tls });
    const remote = to(uri, { tls: { ca } });
    await remote.add(1, 1);
    const bad: ((peer: Raw) => unknown)[] = [
      ({ send }) => send(kinds.connect, hello),
      ({ socket }) => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      // The head of a record, and no more of it.
      ({ socket }) => socket.write(Uint8Array.of(0x16, 3, 1, 2, 0, 1)),
      ({ socket }) => socket.end(),
      ({ socket }) => socket.resetAndDestroy(),
      () => {},
    ];
    const peers = await Promise.all(bad.map(() => raw(port)));
    for (const [place, act] of bad.entries()) act(peers[place]!);
    const silent = connectTls({ host: '127.0.0.1', port, ca });
    onTestFinished(() => void silent.destroy());
    silent.on('error', () => {});
    const closed = once(silent, 'close');
    await until(() => peers.every((peer) => peer.ended()));
    await closed;
    await until(() => daemon.sessions === 1);
    expect(await remote.add(2, 2)).toBe(4);
  });

  test('counts who is in the handshake among its connections, and cuts them off when it is stopped', async () => {
    const { ca, tls } = await certified();
    const { uri, port, daemon } = await open({ tls, connections: 2 });
    const [first, second] = [await raw(port), await raw(port)];
    const third = await raw(port);
    await until(third.ended);
    expect([first.ended(), second.ended(), daemon.sessions]).toEqual([false, false, 0]);
    first.socket.destroy();
    second.socket.destroy();
    const remote = to(uri, { tls: { ca } });
    await until(async () => (await remote.add(1, 2)) === 3);
    control(remote).release();
    await until(() => sockets() === 0);
    const last = await raw(port);
    await until(() => sockets() === 2);
    await daemon.stop();
    // What was closed is gone after a round of the event loop.
    await turn();
    await turn();
    expect(sockets()).toBeLessThan(2);
    await until(last.ended);
  });
});
