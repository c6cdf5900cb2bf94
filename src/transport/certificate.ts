/**
 * TLS options as users give them, made into what `node:tls` takes, and the certificate that this machine makes for itself on
 * first use. Node reads X.509 but cannot write it, so a package does; it is loaded only when a certificate is really made.
 */
import { timingSafeEqual, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { type ConnectionOptions, createSecureContext, rootCertificates, type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { readSecret, writeSecret } from './key-folder.ts';

/**
 * Texts in PEM form. A server needs `cert` and `key`, else it uses its own certificate. A client trusts `ca`, or exactly the certificate
 * with this `fingerprint` (SHA-256, hex, colons allowed), else the system's roots and this machine's own certificate.
 */
export interface TlsParts {
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly ca?: string;
  readonly fingerprint?: string;
  /** The name that the certificate must have, when it is not the host that is dialled. */
  readonly serverName?: string;
}

/** `true` is the same as `{}`: the certificate of this machine. */
export type TlsChoice = boolean | TlsParts | null;

const fileName = 'certificate.pem';
const years = 10;
const day = 86_400_000;

/** Null: no TLS. */
export function tlsParts(choice: TlsChoice | undefined): TlsParts | null {
  if (choice === undefined || choice === null || choice === false) return null;
  return choice === true ? {} : choice;
}

const failed = (what: string, cause: unknown): MillraceError => new MillraceError('ERR_TLS', `${what}: ${reasonOf(cause)}`, { cause });

function usable(pem: string | null, now: number): pem is string {
  if (pem === null) return false;
  try {
    const certificate = new X509Certificate(pem);
    return Date.parse(certificate.validTo) - now > day && certificate.checkHost(hostname()) !== undefined;
  } catch {
    return false;
  }
}

async function makeCertificate(now: number): Promise<string> {
  const { generate } = await import('selfsigned');
  const host = hostname();
  const names = [...new Set(['localhost', host])].map((value) => ({ type: 2 as const, value }));
  const made = await generate([{ name: 'commonName', value: host.slice(0, 64) }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - day),
    notAfterDate: new Date(now + years * 365 * day),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [...names, { type: 7, ip: '127.0.0.1' }, { type: 7, ip: '::1' }] },
    ],
  });
  return `${made.cert.trim()}\n${made.private.trim()}\n`;
}

/** Certificate and key of this machine and user in one PEM text, made when there is none that is valid. `ERR_TLS` when it cannot be kept. */
export async function ownCertificate(folder: string, clock: Clock): Promise<string> {
  try {
    const kept = readSecret(folder, fileName);
    if (usable(kept, clock.wall())) return kept;
    const made = await makeCertificate(clock.wall());
    // Another server of this user may have been quicker: then both must use the one that clients will read.
    const meanwhile = readSecret(folder, fileName);
    if (usable(meanwhile, clock.wall())) return meanwhile;
    writeSecret(folder, fileName, made);
    return made;
  } catch (error) {
    throw failed('the certificate of this machine could not be made', error);
  }
}

/** The certificate and key of a listener, and what clients may pin. Throws `ERR_TLS` when they cannot be read. */
export async function listenTls(
  parts: TlsParts,
  folder: string,
  clock: Clock,
): Promise<{ readonly context: SecureContext; readonly fingerprint: string }> {
  const { cert, key, passphrase } = parts;
  const own = cert === undefined || key === undefined ? await ownCertificate(folder, clock) : null;
  const pair = own === null ? { cert, key, ...(passphrase === undefined ? {} : { passphrase }) } : { cert: own, key: own };
  try {
    return { context: createSecureContext({ ...pair, minVersion: 'TLSv1.2' }), fingerprint: fingerprintOf(own ?? cert ?? '') };
  } catch (error) {
    throw failed('tls.cert or tls.key cannot be used', error);
  }
}

/** What `tls.connect` takes beside host and port. */
export function dialTls(parts: TlsParts, host: string, folder: string): ConnectionOptions {
  const own = readSecret(folder, fileName);
  const name = parts.serverName ?? host;
  const options: ConnectionOptions = {
    minVersion: 'TLSv1.2',
    // A pinned certificate is compared as a whole, after the handshake and before the key is used.
    rejectUnauthorized: parts.fingerprint === undefined,
    // An IP address is no server name (RFC 6066), it is checked against the certificate all the same.
    ...(/^[\d.]+$|:/.test(name) ? {} : { servername: name }),
    ...(parts.ca !== undefined ? { ca: parts.ca } : own !== null ? { ca: [...rootCertificates, own] } : {}),
  };
  try {
    createSecureContext({ ca: options.ca });
  } catch (error) {
    throw failed('tls.ca cannot be used', error);
  }
  return options;
}

/** After the TLS handshake: `ERR_TLS` when the certificate is not the pinned one. */
export function checkFingerprint(parts: TlsParts): (socket: Socket) => MillraceError | null {
  const { fingerprint } = parts;
  if (fingerprint === undefined) return () => null;
  const expected = Buffer.from(fingerprint.replaceAll(':', ''), 'hex');
  return (socket) => {
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    const actual = Buffer.from((certificate?.fingerprint256 ?? '').replaceAll(':', ''), 'hex');
    if (actual.length === expected.length && expected.length === 32 && timingSafeEqual(actual, expected)) return null;
    return new MillraceError(
      'ERR_TLS',
      `the certificate of the server has the SHA-256 fingerprint ${actual.toString('hex')}, not the pinned one`,
    );
  };
}

/** The SHA-256 fingerprint of the first certificate in a PEM text: 64 hex digits. */
export function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}
