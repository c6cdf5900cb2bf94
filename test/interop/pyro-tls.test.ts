/** A `PyroDaemon` of ours under TLS, and clients of Pyro4 with `SSL`. */
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { locateNS } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { type Authority, newAuthority } from '../transport/authority.ts';
import { askListener, open } from './pyro-music.ts';
import { failure, open as openProxy } from './pyro-parts.ts';
import { checkPyro, pyroClient, pyroServer } from './python.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();
beforeAll(checkPyro);

/** Files of an authority and of a certificate that it has signed, as Pyro wants them, and the texts. */
async function signed(
  authority: Authority,
): Promise<{ cert: string; key: string; files: { ca: string; cert: string; privateKey: string } }> {
  const { cert, key } = await authority.sign('localhost');
  const folder = temporaryFolder();
  const files = { ca: `${folder}/ca.pem`, cert: `${folder}/cert.pem`, privateKey: `${folder}/key.pem` };
  writeFileSync(files.ca, authority.ca);
  writeFileSync(files.cert, cert);
  writeFileSync(files.privateKey, key, { mode: 0o600 });
  return { cert, key, files };
}

describe('a client of Pyro4 with SSL', () => {
  test('calls objects of ours under TLS, where it trusts the certificate', async () => {
    const authority = await newAuthority('the tests');
    const { cert, key, files } = await signed(authority);
    const { daemon, music, uri } = await open({ tls: { cert, key } });
    const python = pyroClient(uri, { ca: files.ca });
    expect(await python.run('result = [proxy.add(1, 2), proxy._pyroConnection.sock.version()[:3], list(proxy.count(3))]')).toEqual([
      3,
      'TLS',
      [0, 1, 2],
    ]);
    expect(await python.run('result = proxy.echo("x" * 3000000) == "x" * 3000000')).toBe(true);
    expect(await python.failure('proxy.fail("range")')).toMatchObject({ class: 'builtins.ValueError', text: 'a range' });
    expect(await python.run('b = Pyro4.batch(proxy)\nb.add(1, 1)\nb.later(5, "x")\nresult = list(b())')).toEqual([2, 'x']);
    expect(music.log).toEqual([]);
    const foreign = pyroClient(uri, { ca: (await signed(await newAuthority('others'))).files.ca });
    expect((await foreign.failure('proxy.add(1, 1)')).text).toMatch(/certificate verify failed/i);
    expect(await pyroClient(uri).failure('proxy.add(1, 1)')).toMatchObject({ class: expect.stringMatching(/^Pyro4\.errors\.Co/) });
    expect(await python.run('result = proxy.add(20, 22)')).toBe(42);
    await daemon.stop();
    expect(await python.failure('proxy.add(1, 1)')).toMatchObject({ class: 'Pyro4.errors.CommunicationError' });
  });

  test('shows a certificate where the daemon asks for one, and so do we where its own daemon does', async () => {
    const authority = await newAuthority('the tests');
    const [ours, its] = [await signed(authority), await signed(authority)];
    const { uri, daemon } = await open({ auth: 'a secret of both', tls: { cert: ours.cert, key: ours.key, ca: authority.ca } });
    const python = pyroClient(uri, { ...its.files, key: 'a secret of both' });
    const daemonOfPython = 'daemon = Pyro4.Daemon("127.0.0.1")\ndaemon._pyroHmacKey = b"a secret of both"';
    expect(await python.run(askListener(daemonOfPython))).toBe('from Node, heard KeyError');
    const other = await signed(await newAuthority('others'));
    const { ca } = ours.files;
    for (const shown of [{ ca }, { ...other.files, ca }])
      expect(await pyroClient(uri, { ...shown, key: 'a secret of both' }).failure('proxy.add(1, 1)')).toMatchObject({
        class: expect.stringMatching(/^Pyro4\.errors\.Co/),
      });
    expect(await python.run('result = proxy.add(1, 1)')).toBe(2);
    const remote = openProxy(uri, { auth: 'a secret of both', tls: { ca: authority.ca, cert: its.cert, key: its.key } });
    expect(await remote.add(1, 2)).toBe(3);
    const without = openProxy(uri, { auth: 'a secret of both', tls: { ca: authority.ca } });
    expect(await failure(without.add(1, 2))).toMatchObject({ code: expect.stringMatching(/^ERR_(TLS|CONNECTION_CLOSED)$/) });
    await until(() => daemon.sessions === 1);
  });
});

test('the name server of Pyro4 is asked under TLS, and what has a name there is called under it', async () => {
  const authority = await newAuthority('the tests');
  const { files } = await signed(authority);
  const server = await pyroServer({ cert: files.cert, privateKey: files.privateKey, names: true });
  const tls = { ca: authority.ca };
  await using names = await locateNS(server.names, undefined, { tls, timeout: 20 });
  expect((await names.lookup('demo.music')).toString()).toBe(server.music);
  expect(await openProxy(`PYRONAME:demo.music@${server.names.split('@')[1]}`, { tls }).add(20, 22)).toBe(42);
});
