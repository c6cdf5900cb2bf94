import { expect, it } from 'vitest';
import { isPlainPath } from '../../../src/http/gateway/guard.ts';
import { Client, HTTPError, TokenIdentifier } from '../../../src/http/index.ts';
import { isPublicAddress, refusedLiteral } from '../../../src/transport/public-address.ts';
import { userOf } from '../../../src/transport/same-user.ts';
import { expectNoLeaks } from '../../support/leaks.ts';
import { failureOf } from '../../system/rig.ts';
import { startFace, token } from './rig.ts';

expectNoLeaks();

const login = { login: 'root', key: 'a key of twelve and more' };

it('with keys and tokens whoever has one of them is answered, and nobody else is told anything', async () => {
  const face = await startFace({ auth: [login, { token, login: 'prometheus' }] });
  const url = `http://127.0.0.1:${face.port}`;
  const { json } = await face.get('/openapi.json');
  const paths = Object.entries(json<{ paths: Record<string, Record<string, { security: unknown[] }>> }>().paths);
  for (const [path, methods] of paths)
    for (const [method, { security }] of Object.entries(methods)) {
      const plain = path.replace('{id}', '01a203e7-14ad-71e3-bc3e-f30000000001');
      const { status, headers, text } = await face.ask(method.toUpperCase(), plain, { headers: { accept: 'application/json' } });
      expect(status, path).toBe(security.length > 0 ? 401 : 200);
      if (status === 401) expect([headers['www-authenticate'], text]).toEqual(['Bearer', expect.stringContaining('You need to')]);
    }
  expect((await face.get('/nothing/here')).status).toBe(401);
  expect((await face.get('/metrics', { authorization: `Bearer ${token}` })).status).toBe(200);
  expect((await face.get('/metrics', { authorization: `Bearer ${token}x` })).status).toBe(403);
  await using signed = new Client(url, login);
  await using tokens = new Client(url, new TokenIdentifier(token));
  await using wrong = new Client(url, { ...login, key: 'another key of twelve' });
  for (const client of [signed, tokens]) {
    expect((await client.request('POST', '/api/tasks', { body: ['true'] })).body).toMatchObject({ submitted: 1 });
    expect((await client.request('GET', '/api/count', { query: { state: 'ready' } })).body).toMatchObject({ count: expect.any(Number) });
  }
  const error = await wrong.request('GET', '/api/progress').catch((thrown: unknown) => thrown as HTTPError);
  expect(error).toBeInstanceOf(HTTPError);
  expect(error).toMatchObject({ status: 403 });
});

it('a signed request is refused a second time, with another body, and for another path; nothing of it is done', async () => {
  const face = await startFace({ auth: login });
  const url = `http://127.0.0.1:${face.port}`;
  let header = '';
  await using client = new Client(url, login);
  // The header as it goes over the wire.
  const { SignatureVerifier } = await import('../../../src/http/index.ts');
  const { authenticatorFrom } = await import('../../../src/http/authenticators.ts');
  expect(SignatureVerifier).toBeTypeOf('function');
  const sign = authenticatorFrom(login);
  const body = '["true"]';
  const signed = async (path: string): Promise<string> => {
    const given = await sign({
      method: 'POST',
      host: `127.0.0.1:${face.port}`,
      path,
      headers: {},
      body: Buffer.from(body),
      streamed: false,
    });
    return (given as Record<string, string>).authorization!;
  };
  const post = (path: string, text: string) =>
    face.ask('POST', path, { headers: { authorization: header, 'content-type': 'application/json' }, body: text });
  header = await signed('/api/tasks');
  expect((await post('/api/tasks', body)).status).toBe(201);
  expect((await post('/api/tasks', body)).json().error_text).toContain('nonce was used before');
  header = await signed('/api/tasks');
  expect((await post('/api/tasks', '["false"]')).json().error_text).toContain('body does not match');
  header = await signed('/api/tasks');
  expect((await post('/api/tasks?strict=true', body)).json().error_text).toContain('path does not match');
  expect((await client.request('GET', '/api/count')).body).toEqual({ count: 1 });
});

it('over HTTPS it shows the certificate that this machine makes for itself, and answers nobody without', async () => {
  const face = await startFace({ address: 'localhost:0', tls: true, auth: { token } });
  await using client = new Client(`https://localhost:${face.port}`, new TokenIdentifier(token));
  expect((await client.request('GET', '/api/count')).body).toEqual({ count: 0 });
  await using plain = new Client(`http://localhost:${face.port}`, new TokenIdentifier(token));
  expect(await plain.request('GET', '/healthz').catch((thrown: unknown) => (thrown as HTTPError).status)).toBe(0);
});

it('beyond loopback it needs keys, and long ones', async () => {
  const start = (http: object) => failureOf(() => startFace(http));
  expect((await start({ address: '0.0.0.0:0' })).error.code).toBe('ERR_AUTH_REQUIRED');
  expect((await start({ address: '0.0.0.0:0', auth: { login: 'root', key: 'toor' } })).error.code).toBe('ERR_AUTH_WEAK');
  expect((await start({ address: '0.0.0.0:0', auth: { token: 'short' } })).error).toMatchObject({
    code: 'ERR_AUTH_WEAK',
    message: expect.not.stringContaining('short'),
  });
  expect((await start({ address: '0.0.0.0:0', auth: { token, key: token } })).error).toMatchObject({
    code: 'ERR_OPTION',
    message: expect.not.stringContaining(token),
  });
  const reached = await startFace({ address: '0.0.0.0:0', auth: { token } });
  expect((await reached.get('/api/progress')).status).toBe(401);
  expect((await reached.get('/api/progress', { authorization: `Bearer ${token}` })).status).toBe(200);
});

it('a start whose HTTP face cannot be had fails, and holds neither port nor file', async () => {
  const face = await startFace();
  const taken = await failureOf(() => startFace({ address: `127.0.0.1:${face.port}` }));
  expect(taken.error.code).toBe('ERR_ADDRESS_IN_USE');
  expect((await failureOf(() => startFace({ routes: new URL('./fixtures/none.mjs', import.meta.url) }))).error.code).toBe(
    'ERR_MODULE_NOT_FOUND',
  );
  expect((await failureOf(() => startFace({ address: { path: '/tmp/x' } }))).error.code).toBe('ERR_ADDRESS');
});

it('pages of other sites, and names that a stranger may point at this machine, reach nothing', async () => {
  const face = await startFace();
  const own = `127.0.0.1:${face.port}`;
  const status = async (headers: Record<string, string>): Promise<number> => (await face.get('/api/progress', headers)).status;
  expect(await status({})).toBe(200);
  expect(await status({ origin: `http://${own}`, 'sec-fetch-site': 'same-origin' })).toBe(200);
  expect(await status({ host: 'localhost:1' })).toBe(200);
  expect(await status({ host: 'evil.example' })).toBe(421);
  expect(await status({ host: 'localhost.evil.example:80' })).toBe(421);
  expect(await status({ origin: 'https://evil.example' })).toBe(403);
  expect(await status({ origin: 'null' })).toBe(403);
  expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(403);
  const named = await startFace({ auth: { token }, hosts: ['server.example'] });
  const authorization = `Bearer ${token}`;
  expect((await named.get('/api/progress', { authorization })).status).toBe(421);
  expect((await named.get('/api/progress', { authorization, host: 'Server.example' })).status).toBe(200);
});

it('whose a connection over loopback is, is read from the table of the kernel: of that connection, while it stands', () => {
  const row = (n: number, from: string, to: string, state: string, user: number, inode: number): string =>
    `   ${n}: ${from} ${to} ${state} 00000000:00000000 00:00000000 00000000 ${String(user).padStart(5)}        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`;
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n',
    row(0, '0100007F:1F90', '00000000:0000', '0A', 0, 7),
    row(1, '0200007F:C350', '0100007F:1F90', '01', 4_242, 11),
    row(2, '0100007F:C350', '0100007F:1F90', '01', 1_000, 12),
    row(3, '0100007F:1F90', '0100007F:C350', '01', 0, 13),
    row(4, '0100007F:C351', '0100007F:1F90', '04', 0, 0),
    row(5, '0100007F:C352', '0100007F:1F90', '01', 0, 0),
  ].join('');
  const server = { host: '127.0.0.1', port: 0x1f90 };
  const user = (host: string, port: number): number | null => userOf(table, { host, port }, server);
  expect(user('127.0.0.1', 0xc350)).toBe(1_000);
  // The same port of another address is another connection.
  expect(user('127.0.0.2', 0xc350)).toBe(4_242);
  expect(user('127.0.0.1', 0xc351)).toBe(null);
  expect(user('127.0.0.1', 0xc352)).toBe(null);
  expect(user('10.0.0.1', 0xc350)).toBe(null);
  const six = row(0, `${'0'.repeat(24)}01000000:C350`, `${'0'.repeat(24)}01000000:1F90`, '01', 7, 9);
  expect(userOf(six, { host: '::1', port: 0xc350 }, { host: '::1', port: 0x1f90 })).toBe(7);
});

it('a path is plain only as it is written', () => {
  for (const path of ['/', '/a', '/a/b.c', '/a%20b', '/...', '/a..b', '/%41']) expect(isPlainPath(path), path).toBe(true);
  const tricks = [
    '',
    'a',
    '*',
    '//a',
    '/a//b',
    '/../a',
    '/a/..',
    '/./a',
    '/%2e%2e/a',
    '/a/%2E',
    '/a%2fb',
    '/a%5cb',
    '/a\\b',
    '/%00',
    '/%',
    '/%zz',
    '/%ff',
    '/a b',
    '/ä',
    'http://x/',
  ];
  for (const path of tricks) expect(isPlainPath(path), path).toBe(false);
});

it('addresses of this machine, of private networks and those that stand for them are told from public ones', () => {
  for (const address of ['93.184.216.34', '8.8.8.8', '172.32.0.1', '2606:4700::1111']) expect(isPublicAddress(address), address).toBe(true);
  const others =
    '127.0.0.1 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 ::1 :: ::ffff:8.8.8.8 ::7f00:1 fe80::1 fc00::1 fd12::1 ff02::1 64:ff9b::7f00:1 2002:7f00:1:: no';
  for (const address of others.split(' ')) expect(isPublicAddress(address), address).toBe(false);
  expect(refusedLiteral('[::1]')?.code).toBe('ERR_ADDRESS');
  expect(refusedLiteral('server.example')).toBe(null);
});
