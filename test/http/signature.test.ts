import { expect, it } from 'vitest';
import type { SignatureVerifierOptions } from '../../src/config/http-options.ts';
import { LoginAuthenticator } from '../../src/http/authenticators.ts';
import { hashToken, type ReceivedRequest, SignatureVerifier, TokenVerifier } from '../../src/http/index.ts';
import { signText } from '../../src/http/signature.ts';
import { handClock } from '../support/hand-clock.ts';

/** A wall clock that is set by hand. */
function wall(at: number): { at: number; clock: ReturnType<typeof handClock>['clock'] } {
  const time = { at, clock: handClock().clock };
  return Object.assign(time, { clock: { ...time.clock, wall: () => time.at } });
}

const start = 1_800_000_000_000;
const keys = { root: 'toor', other: 'a key of its own' };

/** A verifier and a client beside it, with clocks that can differ. */
function pair(options?: SignatureVerifierOptions, key = 'toor', login = 'root') {
  const here = wall(start);
  const there = wall(start);
  const verifier = new SignatureVerifier(keys, options, here.clock);
  const signer = new LoginAuthenticator({ login, key }, there.clock);
  const signed = (parts: Partial<ReceivedRequest> = {}): ReceivedRequest => {
    const sent = { method: 'POST', path: '/vm-ip/?size=1', body: Buffer.from('{"size":1}'), ...parts };
    const headers = signer.authenticate({ ...sent, host: 'server.napix.nx', headers: {}, streamed: false });
    return { ...sent, headers: { host: 'server.napix.nx', ...headers, ...parts.headers } };
  };
  return { here, there, verifier, signed };
}

const refusedWith = (status: number, text: string): unknown => ({ accepted: false, status, text: expect.stringContaining(text) });

it('the vectors of the plain scheme have their values', () => {
  expect(signText('password', 'master_local')).toBe('bd4dfeebe49e0ce2a4edeaf9f32fb0ec80b638993a6ab695987545ca2ebce7df');
  const text = 'login=root&nonce=123abc&path=%2Fa%2Fb&host=server.napix.nx&method=GET&timestamp=1345195098.77';
  const mac = '37280289a454574b18a3c2d408961d63ca378d1fd32bd0a060185b10e6d94717';
  expect(signText('toor', text)).toBe(mac);
});

it('a signature of the plain scheme is accepted where that is allowed, once, and nowhere else', () => {
  const authorization =
    'login=root&nonce=123abc&path=%2Fa%2Fb&host=server.napix.nx&method=GET&timestamp=1345195098.77:37280289a454574b18a3c2d408961d63ca378d1fd32bd0a060185b10e6d94717';
  const request = { method: 'GET', path: '/a/b', headers: { host: 'server.napix.nx', authorization }, body: null };
  const { clock } = wall(1_345_195_098_000);
  const plain = new SignatureVerifier(keys, { plain: true }, clock);
  expect(plain.verify(request)).toEqual({ accepted: true, login: 'root' });
  expect(plain.verify(request)).toEqual(refusedWith(403, 'nonce was used before'));
  expect(new SignatureVerifier(keys, {}, clock).verify(request)).toEqual(refusedWith(403, 'body does not match'));
});

it('a signed request is accepted, and the same one is refused when it comes again', () => {
  const { verifier, signed } = pair();
  const request = signed();
  expect(verifier.verify(request)).toEqual({ accepted: true, login: 'root' });
  expect(verifier.verify(request)).toEqual(refusedWith(403, 'nonce was used before'));
  expect(verifier.verify(signed())).toEqual({ accepted: true, login: 'root' });
});

it('a request without a body is signed without one', () => {
  const { verifier, signed } = pair();
  expect(verifier.verify({ ...signed({ body: null }), body: Buffer.alloc(0) })).toMatchObject({ accepted: true });
});

it.each([
  ['body', { body: Buffer.from('{"size":1000}') }],
  ['body', { body: null }],
  ['method', { method: 'DELETE' }],
  ['path', { path: '/vm-ip/?size=9' }],
])('a %s other than the signed one is refused', (name, change) => {
  const { verifier, signed } = pair();
  const request = signed();
  expect(verifier.verify({ ...request, ...change })).toEqual(refusedWith(403, `Bad authorization data ${name} does not match`));
  expect(verifier.remembered).toBe(0);
  expect(verifier.verify(request)).toMatchObject({ accepted: true });
});

it('a request that was signed for another server is refused, also with the name of that one, where hosts are told', () => {
  const { verifier, signed } = pair();
  const request = signed();
  const bad = refusedWith(403, 'host does not match');
  expect(verifier.verify({ ...request, headers: { ...request.headers, host: 'other.napix.nx' } })).toEqual(bad);
  const told = pair({ hosts: ['other.napix.nx'] });
  expect(told.verifier.verify(told.signed())).toEqual(bad);
  const own = pair({ hosts: ['Server.Napix.nx'] });
  expect(own.verifier.verify(own.signed())).toMatchObject({ accepted: true });
});

it('a wrong key and an unknown login are told the same', () => {
  const wrong = pair({}, 'toor2');
  const unknown = pair({}, 'toor', 'nobody');
  const inherited = pair({}, 'toor', 'toString');
  for (const { verifier, signed } of [wrong, unknown, inherited])
    expect(verifier.verify(signed())).toEqual({ accepted: false, status: 403, text: 'Access Denied' });
});

it.each([
  ['none', undefined, 401],
  ['two', ['a', 'b'], 401],
  ['an empty one', '', 401],
  ['words', 'let me in', 401],
  ['a token', 'Bearer de72457df438272d8d05a0823289084811813c07', 401],
  ['no text', `:${'0'.repeat(64)}`, 401],
  ['a mac too short', `login=root:${'0'.repeat(63)}`, 401],
  ['a field twice', `login=root&login=root:${'0'.repeat(64)}`, 401],
  ['a giant', `login=${'x'.repeat(1_000_000)}:${'0'.repeat(64)}`, 401],
  ['fields missing', `login=root:${signText('toor', 'login=root')}`, 403],
])('an authorization that is %s is refused', (_name, authorization, status) => {
  const { verifier, signed } = pair();
  const { headers, ...request } = signed();
  expect(verifier.verify({ ...request, headers: { host: headers.host, authorization } })).toMatchObject({ accepted: false, status });
});

it('a missing field is named', () => {
  const { verifier, signed } = pair();
  const authorization = `login=root&path=%2F:${signText('toor', 'login=root&path=%2F')}`;
  expect(verifier.verify({ ...signed(), headers: { authorization } })).toEqual(
    refusedWith(403, 'Missing authentication data: host, method'),
  );
});

it('a time that is further off than the window is refused, either way', () => {
  const { here, there, verifier, signed } = pair({ window: '30s' });
  here.at = start + 100_000;
  for (const off of [31_000, -31_000]) {
    there.at = here.at + off;
    expect(verifier.verify(signed())).toEqual(refusedWith(403, 'timestamp'));
  }
  for (const off of [29_000, -29_000]) {
    there.at = here.at + off;
    expect(verifier.verify(signed())).toMatchObject({ accepted: true });
  }
});

it('at no time does a request pass twice: it is remembered as long as its time is within the window, and no longer', () => {
  const { here, there, verifier, signed } = pair({ window: '30s' });
  there.at = start + 29_000;
  const ahead = signed();
  expect(verifier.verify(ahead)).toMatchObject({ accepted: true });
  for (let second = 0; second <= 120; second += 1) {
    here.at = start + second * 1_000;
    expect(verifier.verify(ahead), `after ${second} s`).toMatchObject({ accepted: false });
  }
  there.at = here.at;
  verifier.verify(signed());
  expect(verifier.remembered).toBe(1);
});

it('a login that sends too much is refused, and no other is', () => {
  const { verifier, signed } = pair({ remembered: 2 });
  for (const request of [signed(), signed()]) expect(verifier.verify(request)).toMatchObject({ accepted: true });
  expect(verifier.verify(signed())).toMatchObject({ status: 503 });
  const other = new LoginAuthenticator({ login: 'other', key: keys.other }, wall(start).clock);
  const asked = { method: 'GET', path: '/', body: null };
  const headers = { host: 'h', ...other.authenticate({ ...asked, host: 'h', headers: {}, streamed: false }) };
  expect(verifier.verify({ ...asked, headers })).toEqual({ accepted: true, login: 'other' });
  expect(verifier.remembered).toBe(3);
});

it('what was signed before the server started is refused: what came then is not remembered', () => {
  const { there, verifier, signed } = pair();
  there.at = start - 1_000;
  expect(verifier.verify(signed())).toEqual(refusedWith(403, 'before the start'));
});

it('more requests within the window than can be remembered are refused, not forgotten', () => {
  const { here, there, verifier, signed } = pair({ remembered: 3, window: '10s' });
  const first = signed();
  for (const request of [first, signed(), signed()]) expect(verifier.verify(request)).toMatchObject({ accepted: true });
  expect(verifier.verify(signed())).toEqual(refusedWith(503, 'Too many'));
  expect(verifier.verify(first)).toMatchObject({ status: 403 });
  here.at = there.at = start + 10_001;
  expect(verifier.verify(signed())).toMatchObject({ accepted: true });
});

it('a nonce belongs to its login', () => {
  const text = (login: string): string => `login=${login}&nonce=0123456789abcdef&path=%2F&host=h&method=GET&timestamp=${start / 1_000}`;
  const { clock } = wall(start);
  const verifier = new SignatureVerifier(keys, { plain: true }, clock);
  const verify = (login: 'root' | 'other') =>
    verifier.verify({
      method: 'GET',
      path: '/',
      headers: { host: 'h', authorization: `${text(login)}:${signText(keys[login], text(login))}` },
      body: null,
    });
  expect([verify('root').accepted, verify('other').accepted, verify('root').accepted]).toEqual([true, true, false]);
});

it('tokens are kept as hashes, and taken back', () => {
  const token = 'de72457df438272d8d05a0823289084811813c07';
  const verifier = new TokenVerifier({ [hashToken(token)]: 'root' });
  const request = (authorization: string) => ({ method: 'GET', path: '/', headers: { authorization }, body: null });
  expect(verifier.verify(request(`Bearer ${token}`))).toEqual({ accepted: true, login: 'root' });
  expect(verifier.verify(request(`Bearer ${token}0`))).toMatchObject({ status: 403 });
  expect(verifier.verify(request(`Bearer ${hashToken(token)}`))).toMatchObject({ status: 403 });
  for (const other of ['', 'Bearer', `Basic ${token}`, `Bearer ${'x'.repeat(5_000)}`])
    expect(verifier.verify(request(other))).toMatchObject({ status: 401 });
  verifier.add('another token of forty characters', 'other');
  expect(verifier.revoke('root')).toBe(1);
  expect(verifier.verify(request(`Bearer ${token}`))).toMatchObject({ status: 403 });
  expect(() => verifier.add('short', 'other')).toThrow(expect.objectContaining({ code: 'ERR_AUTH_WEAK' }));
  expect(() => new TokenVerifier({ [token]: 'root' })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
});
