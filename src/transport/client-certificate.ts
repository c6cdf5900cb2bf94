/**
 * The certificate of who dialled, on the listening side of a TLS channel that asked for one. Node lets every certificate pass the handshake of
 * a `TLSSocket` that is laid over a socket, and tells what OpenSSL found through a member that only its own `tls.Server` reads; what
 * cannot be read counts as refused, and tests of foreign, expired and missing certificates hold it.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { MillraceError } from '../base/errors.ts';
import type { PeerCertificate } from './connection.ts';

interface Verified {
  readonly _handle?: { verifyError?(): (Error & { readonly code?: string }) | null | undefined } | null;
}

/** After the TLS handshake. Throws `ERR_TLS`. */
export function peerCertificate(socket: Socket): PeerCertificate {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) throw refused('it shows none', null);
  const handle = (socket as unknown as Verified)._handle;
  if (typeof handle?.verifyError !== 'function') throw refused('it cannot be verified by this version of Node', null);
  const wrong = handle.verifyError() ?? null;
  if (wrong !== null) throw refused(wrong.message, wrong);
  return { name: commonName(certificate.subject), fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase() };
}

/** `subject` has a line for each part. */
function commonName(subject: string | undefined): string {
  const line = (subject ?? '').split('\n').find((part) => part.startsWith('CN='));
  return line?.slice(3) ?? '';
}

function refused(why: string, cause: Error | null): MillraceError {
  return new MillraceError('ERR_TLS', `the certificate of the other side is refused: ${why}`, { cause });
}
