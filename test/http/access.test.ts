/** Clients and the checks of a server together, over real sockets. */
import { expect, it, onTestFinished } from 'vitest';
import { Client, hashToken, SignatureVerifier, TokenIdentifier, TokenVerifier } from '../../src/http/index.ts';
import { signedHeader } from '../../src/http/signature.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { Answer, failure, type Heard, type Served, serve } from './servers.ts';

expectNoLeaks();

function open(host: string, authenticator: ConstructorParameters<typeof Client>[1]): Client {
  const client = new Client(host, authenticator);
  onTestFinished(() => client.close());
  return client;
}

/** A server that tells each caller who it is, or refuses it as the verifier says. */
function guarded(verifier: SignatureVerifier | TokenVerifier): Promise<Served> {
  return serve((request: Heard) => {
    const verdict = verifier.verify(request);
    return verdict.accepted ? verdict.login : new Answer(verdict.status, verdict.text, { 'content-type': 'text/plain' });
  });
}

it('a client with login and key is known to a server that has the key: whatever the method, path, query and body', async () => {
  const server = await guarded(new SignatureVerifier({ root: 'toor' }));
  const client = open(server.host, { login: 'root', key: 'toor' });
  expect((await client.request('GET', '/')).body).toBe('root');
  expect((await client.request('GET', '/a b/ü%2F', { query: { 'x y': ['1&2', '='], z: true } })).body).toBe('root');
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    expect((await client.request(method, '/', { body: { text: 'ü' } })).body).toBe('root');
    expect((await client.request(method, '/', { body: Buffer.from([0, 255]) })).body).toBe('root');
    expect((await client.request(method, '/')).body).toBe('root');
  }
});

it('who has another key, or none, is refused with the words of the server', async () => {
  const server = await guarded(new SignatureVerifier({ root: 'toor' }));
  const wrong = await failure(open(server.host, { login: 'root', key: 'TOOR' }).request('GET', '/'));
  expect(String(wrong)).toBe('"403 FORBIDDEN" Access Denied');
  expect(String(await failure(open(server.host, null).request('GET', '/')))).toBe('"401 UNAUTHORIZED" You need to sign your request');
});

it('a request that somebody took from the wire is refused when it is sent again, and when it is changed', async () => {
  const server = await guarded(new SignatureVerifier({ root: 'toor' }));
  await open(server.host, { login: 'root', key: 'toor' }).request('POST', '/pay', { body: { sum: 1 } });
  const { authorization = '' } = server.heard[0]?.headers ?? {};
  const thief = open(server.host, () => ({ authorization }));
  expect(String(await failure(thief.request('POST', '/pay', { body: { sum: 1 } })))).toContain('nonce was used before');
  expect(String(await failure(thief.request('POST', '/pay', { body: { sum: 100 } })))).toContain('body does not match');
  expect(String(await failure(thief.request('POST', '/steal', { body: { sum: 1 } })))).toContain('path does not match');
});

it('a request that was signed for one server is refused by another, also when it is told that it is that one', async () => {
  const verifier = new SignatureVerifier({ root: 'toor' }, { hosts: ['server.napix.nx'] });
  const server = await guarded(verifier);
  const now = (Date.now() / 1_000).toFixed(3);
  const fields = { login: 'root', nonce: '0123456789abcdef', path: '/', host: server.host, method: 'GET', timestamp: now };
  const thief = open(server.host, () => ({ authorization: signedHeader('toor', fields) }));
  expect(String(await failure(thief.request('GET', '/')))).toContain('host does not match');
});

it('a token is known to a server that has its hash, and to no other', async () => {
  const token = 'de72457df438272d8d05a0823289084811813c07';
  const server = await guarded(new TokenVerifier({ [hashToken(token)]: 'root' }));
  expect((await open(server.host, new TokenIdentifier(token)).request('GET', '/')).body).toBe('root');
  expect((await failure(open(server.host, new TokenIdentifier(`${token}0`)).request('GET', '/'))).status).toBe(403);
  expect(() => new TokenIdentifier('a b')).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
});
