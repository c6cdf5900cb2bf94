/** Certificates of tests: an authority of their own, and what it signs. */
import { generate } from 'selfsigned';
import type { TlsParts } from '../../src/transport/certificate.ts';

const day = 86_400_000;

export interface Authority {
  /** To be trusted. */
  readonly ca: string;
  /** A certificate and its key. Times are days from now. */
  sign(
    name: string,
    options?: { readonly use?: 'server' | 'client' | 'both'; readonly from?: number; readonly to?: number },
  ): Promise<Required<Pick<TlsParts, 'cert' | 'key'>>>;
}

export async function newAuthority(name: string): Promise<Authority> {
  const common = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;
  const root = await generate([{ name: 'commonName', value: name }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return {
    ca: root.cert,
    async sign(subject, { use = 'both', from = -1, to = 30 } = {}) {
      const made = await generate([{ name: 'commonName', value: subject }], {
        ...common,
        ca: { key: root.private, cert: root.cert },
        notBeforeDate: new Date(Date.now() + from * day),
        notAfterDate: new Date(Date.now() + to * day),
        extensions: [
          { name: 'basicConstraints', cA: false, critical: true },
          { name: 'keyUsage', digitalSignature: true, critical: true },
          { name: 'extKeyUsage', serverAuth: use !== 'client', clientAuth: use !== 'server' },
          {
            name: 'subjectAltName',
            altNames: [
              { type: 2, value: subject },
              { type: 2, value: 'localhost' },
              { type: 7, ip: '127.0.0.1' },
            ],
          },
        ],
      });
      return { cert: made.cert, key: made.private };
    },
  };
}
