import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Client, type HttpClientOptions } from '../../src/http/index.ts';
import { fingerprintOf } from '../../src/transport/certificate.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { type Authority, newAuthority } from '../transport/authority.ts';
import { serve } from './servers.ts';

expectNoLeaks();

function open(host: string, options?: HttpClientOptions): Client {
  const client = new Client(host, { login: 'root', key: 'toor' }, options);
  onTestFinished(() => client.close());
  return client;
}

describe('over HTTPS', () => {
  let authority: Authority;
  let pair: { cert: string; key: string };
  beforeAll(async () => {
    authority = await newAuthority('tests');
    pair = await authority.sign('server.test');
  });

  it('a server whose certificate nobody vouches for is refused, and gets to see no request', async () => {
    const server = await serve(() => 1, { tls: pair });
    await expect(open(server.url).request('GET', '/')).rejects.toMatchObject({ code: 'ERR_TLS', status: 0 });
    expect(server.heard).toEqual([]);
  });

  it('a server is trusted through its ca, only under its names', async () => {
    const server = await serve(() => 'there', { tls: pair });
    const { ca } = authority;
    expect((await open(server.url, { tls: { ca } }).request('GET', '/')).body).toBe('there');
    expect((await open(server.url, { tls: { ca, serverName: 'server.test' } }).request('GET', '/')).body).toBe('there');
    const wrong = open(server.url, { tls: { ca, serverName: 'other.test' } });
    await expect(wrong.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_TLS' });
  });

  it('a pinned certificate is trusted whoever made it, on each of its connections, and no other is', async () => {
    const server = await serve(() => 'there', { tls: pair });
    const pinned = open(server.url, { tls: { fingerprint: fingerprintOf(pair.cert) } });
    await Promise.all([1, 2, 3].map(() => pinned.request('GET', '/')));
    expect(server.connections).toBe(3);
    const other = open(server.url, { tls: { fingerprint: 'ab'.repeat(32), ca: authority.ca } });
    await expect(other.request('GET', '/')).rejects.toMatchObject({ code: 'ERR_TLS', message: expect.stringContaining('pinned') });
    expect(server.heard).toHaveLength(3);
  });

  it('a server without TLS is not spoken to', async () => {
    const server = await serve(() => 1);
    await expect(open(`https://127.0.0.1:${server.port}`).request('GET', '/')).rejects.toMatchObject({ code: 'ERR_TLS' });
    expect(server.heard).toEqual([]);
  });

  it('what to trust is refused where nothing is encrypted, and what is no certificate everywhere', () => {
    const refused = (code: string): unknown => expect.objectContaining({ code });
    expect(() => open('http://localhost', { tls: { ca: authority.ca } })).toThrow(refused('ERR_OPTION') as Error);
    expect(() => open('https://localhost', { tls: { ca: 'nonsense' } })).toThrow(refused('ERR_OPTION') as Error);
    expect(() => open('https://localhost', { tls: { ca: '-----BEGIN CERTIFICATE-----\nx' } })).toThrow(refused('ERR_TLS') as Error);
    expect(() => open('https://localhost', { tls: false as unknown as object })).toThrow(refused('ERR_OPTION') as Error);
  });
});
