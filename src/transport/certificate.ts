/**
 * TLS options as users give them, made into what `node:tls` takes, and the certificate that this machine makes for itself on
 * first use. Node reads X.509 but cannot write it, so a package does; it is loaded only when a certificate is really made.
 */
import { constants, timingSafeEqual, X509Certificate } from 'node:crypto';
import { isIP, isIPv6, type Socket } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  rootCertificates,
  type SecureContext,
  type SecureContextOptions,
  TLSSocket,
} from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { readSecret, writeSecret } from './key-folder.ts';

/**
 * Texts in PEM form. A server needs `cert` and `key`, else it uses its own certificate; with `ca` it asks who dials for a certificate that one of these
 * has signed. Who dials trusts `ca`, or exactly the certificate with this `fingerprint` (SHA-256, hex, colons allowed), else the system's
 * roots and this machine's own certificate, and shows `cert`, if it has one.
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

const minVersion = 'TLSv1.2';
const fileName = 'certificate.pem';
const years = 10;
const day = 86_400_000;
/** Days before its end in which it is made anew, at the next start of a server. */
const renewal = 30;
/** A machine with a network for each container has hundreds. */
const mostAddresses = 64;

/** Null: no TLS. */
export function tlsParts(choice: TlsChoice | undefined): TlsParts | null {
  if (choice === undefined || choice === null || choice === false) return null;
  return choice === true ? {} : choice;
}

const failed = (what: string, cause: unknown): MillraceError => new MillraceError('ERR_TLS', `${what}: ${reasonOf(cause)}`, { cause });

/** In time, and for the names that it is surely needed for. A machine's addresses may change from day to day, a pinned certificate may not. */
function usable(pem: string | null, now: number, listens: string | null): pem is string {
  if (pem === null) return false;
  try {
    const certificate = new X509Certificate(pem);
    if (Date.parse(certificate.validTo) - now <= renewal * day || certificate.checkHost(hostname()) === undefined) return false;
    if (listens === null || isAnywhere(listens)) return true;
    return (isIP(listens) ? certificate.checkIP(listens) : certificate.checkHost(listens)) !== undefined;
  } catch {
    return false;
  }
}

const isAnywhere = (host: string): boolean => /^(?:0\.0\.0\.0|[0:]*:0*)$/.test(host);

/** By what this machine may be reached: its names, its addresses of now, and the host that it listens on. */
function reachedBy(listens: string | null): { names: string[]; addresses: string[] } {
  const names = new Set(['localhost', hostname()]);
  const addresses = new Set(['127.0.0.1', '::1']);
  for (const { address } of Object.values(networkInterfaces()).flatMap((list) => list ?? []))
    if (!/^fe80:/i.test(address)) addresses.add(address.toLowerCase());
  const host = listens?.toLowerCase().replace(/%.*$/, '') ?? '';
  if (isIP(host)) {
    if (!isAnywhere(host)) addresses.add(host);
  } else if (host !== '') names.add(host);
  return { names: [...names], addresses: [...addresses].slice(0, mostAddresses) };
}

async function makeCertificate(now: number, listens: string | null): Promise<string> {
  const { generate } = await import('selfsigned');
  const host = hostname();
  const { names, addresses } = reachedBy(listens);
  const made = await generate([{ name: 'commonName', value: host.slice(0, 64) }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - day),
    notAfterDate: new Date(now + years * 365 * day),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: [...names.map((value) => ({ type: 2 as const, value })), ...addresses.map((ip) => ({ type: 7 as const, ip }))],
      },
    ],
  });
  return `${made.cert.trim()}\n${made.private.trim()}\n`;
}

/**
 * Certificate and key of this machine and user in one PEM text, made when there is none that is valid. `listens`: the host of the listener.
 * `ERR_TLS` when it cannot be kept.
 */
export async function ownCertificate(folder: string, clock: Clock, listens: string | null = null): Promise<string> {
  try {
    const kept = readSecret(folder, fileName);
    if (usable(kept, clock.wall(), listens)) return kept;
    const made = await makeCertificate(clock.wall(), listens);
    // Another server of this user may have been quicker: then both must use the one that clients will read.
    const meanwhile = readSecret(folder, fileName);
    if (usable(meanwhile, clock.wall(), listens)) return meanwhile;
    writeSecret(folder, fileName, made);
    return made;
  } catch (error) {
    throw failed('the certificate of this machine could not be made', error);
  }
}

/** What `tls.createServer` takes for a listener. Throws `ERR_TLS` when a certificate cannot be used. */
export async function serverTls(
  parts: TlsParts,
  folder: string,
  clock: Clock,
  listens: string | null = null,
): Promise<SecureContextOptions> {
  const { cert, key, passphrase, ca } = parts;
  const own = cert === undefined || key === undefined ? await ownCertificate(folder, clock, listens) : null;
  const pair = own === null ? { cert, key, ...(passphrase === undefined ? {} : { passphrase }) } : { cert: own, key: own };
  checkAuthorities(ca);
  const options: SecureContextOptions = {
    ...pair,
    ...(ca === undefined ? {} : { ca }),
    minVersion,
    // A session that is taken up again would not be asked for its certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  try {
    createSecureContext(options);
    if (own === null) checkTime(cert ?? '', clock.wall());
    return options;
  } catch (error) {
    throw error instanceof MillraceError ? error : failed('tls.cert or tls.key cannot be used', error);
  }
}

/** The certificate and key of a listener, and what clients may pin. Throws `ERR_TLS` when they cannot be read. */
export async function listenTls(
  parts: TlsParts,
  folder: string,
  clock: Clock,
  listens: string | null = null,
): Promise<{ readonly context: SecureContext; readonly fingerprint: string; readonly asks: boolean }> {
  const options = await serverTls(parts, folder, clock, listens);
  return { context: createSecureContext(options), fingerprint: fingerprintOf(String(options.cert)), asks: parts.ca !== undefined };
}

/** OpenSSL takes what has run out without a word; whoever then dials or is dialled would be told, far from here. */
function checkTime(pem: string, now: number): void {
  const { validFrom, validTo } = new X509Certificate(pem);
  if (now > Date.parse(validTo)) throw new MillraceError('ERR_TLS', `tls.cert ran out on ${validTo}: renew it`);
  if (now < Date.parse(validFrom))
    throw new MillraceError('ERR_TLS', `tls.cert is valid from ${validFrom} only: check it and the clock of this machine`);
}

function checkAuthorities(ca: string | undefined): void {
  if (ca === undefined) return;
  try {
    new X509Certificate(ca);
    createSecureContext({ ca });
  } catch (error) {
    throw failed('tls.ca cannot be used', error);
  }
}

/** What `tls.connect` takes beside host and port. */
export function dialTls(parts: TlsParts, host: string, folder: string, clock: Clock): ConnectionOptions {
  const { ca, cert, key, passphrase, fingerprint, serverName } = parts;
  const own = readSecret(folder, fileName);
  const name = serverName ?? host;
  checkAuthorities(ca);
  const pair = cert === undefined || key === undefined ? {} : { cert, key, ...(passphrase === undefined ? {} : { passphrase }) };
  try {
    createSecureContext(pair);
    if (cert !== undefined) checkTime(cert, clock.wall());
  } catch (error) {
    throw error instanceof MillraceError ? error : failed('tls.cert or tls.key cannot be used', error);
  }
  return {
    minVersion,
    ...pair,
    // A pinned certificate is compared as a whole, after the handshake and before the key is used.
    rejectUnauthorized: fingerprint === undefined,
    // An IP address is no server name (RFC 6066), it is checked against the certificate all the same.
    ...(isIP(name) ? {} : { servername: name }),
    checkServerIdentity: checkName,
    ...(ca !== undefined ? { ca } : own !== null ? trusting(own, pair) : {}),
  };
}

/** Node's own check, and OpenSSL's for an IPv6 address: Node 22.23 takes those for names and refuses every certificate. */
function checkName(name: string, certificate: PeerCertificate): Error | undefined {
  const refusal = checkServerIdentity(name, certificate);
  const isFor = refusal !== undefined && isIPv6(name) && new X509Certificate(certificate.raw).checkIP(name) !== undefined;
  return isFor ? undefined : refusal;
}

/** To read all roots of the system takes 30 to 40 ms of CPU: whoever dials again, as its server is away or by the hundred, does so once. */
let trusted: { readonly own: string; readonly context: SecureContext } | null = null;

/** The system's roots and this machine's own certificate. */
function trusting(own: string, pair: { readonly cert?: string }): ConnectionOptions {
  const ca = [...rootCertificates, own];
  // Who shows a certificate has a context of its own.
  if (pair.cert !== undefined) return { ca };
  if (trusted?.own !== own) trusted = { own, context: createSecureContext({ ca, minVersion }) };
  return { secureContext: trusted.context };
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
      `the certificate of the server has the SHA-256 fingerprint ${actual.toString('hex')}, not the pinned one: if you know that the server has a new certificate pin this one, else somebody else answers there`,
    );
  };
}

/** The SHA-256 fingerprint of the first certificate in a PEM text: 64 hex digits. */
export function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}
