/** The system's errors of listening and connecting, as coded errors that say what to do. */
import { MillraceError } from '../base/errors.ts';

const unresolved: readonly unknown[] = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME'];

function systemCode(error: unknown): string {
  const { code } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

const text = (error: unknown): string =>
  error instanceof Error && error.message !== '' ? error.message : systemCode(error) || String(error);

export function listenError(error: unknown, address: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const code = systemCode(error);
  const as = (name: 'ERR_ADDRESS' | 'ERR_ADDRESS_IN_USE' | 'ERR_ADDRESS_DENIED', message: string): MillraceError =>
    new MillraceError(name, message, { cause: error });
  if (code === 'EADDRINUSE')
    return as('ERR_ADDRESS_IN_USE', `another process listens on ${address}: stop it, or choose another address (port 0: any free one)`);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return as('ERR_ADDRESS_DENIED', `this user may not listen on ${address}: choose a port above 1023 or a folder of your own`);
  if (unresolved.includes(code)) return as('ERR_ADDRESS', `the host of ${address} does not resolve: check its name`);
  if (code === 'EADDRNOTAVAIL')
    return as('ERR_ADDRESS', `${address} is not an address of this machine: 0.0.0.0 or :: listen on all of its addresses`);
  return as('ERR_ADDRESS', `cannot listen on ${address}: ${text(error)}`);
}

/** Errors of OpenSSL and of the check of the certificate. */
const tlsCode =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO$|INVALID_CA|PATH_LENGTH|CRL_)/;

/** What to do about a certificate, by what is wrong with it. */
const tlsAdvice: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'its certificate has run out: renew it, and start the server again'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet: check the clocks of both machines'],
  [
    /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    'its certificate is for other names: dial one of them, name it in `tls.serverName`, or pin the certificate by `tls.fingerprint`',
  ],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|INVALID_CA|CERT_(?:UNTRUSTED|CHAIN_TOO_LONG|SIGNATURE_FAILURE))$/,
    'nobody that this side trusts has signed its certificate: give `tls.ca`, or pin the certificate by `tls.fingerprint`',
  ],
  [/^ERR_SSL_TLSV1\w*_CERTIFICATE_REQUIRED$/, 'it wants a certificate of this side: give `tls.cert` and `tls.key`'],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/,
    'one side has TLS and the other has none, or only versions below 1.2: give both `tls` or neither',
  ],
];

export function dialError(error: unknown, address: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const code = systemCode(error);
  if (tlsCode.test(code)) {
    const advice = tlsAdvice.find(([pattern]) => pattern.test(code))?.[1] ?? 'it is not trusted, or does not speak TLS';
    return new MillraceError('ERR_TLS', `the server on ${address} is refused, ${advice} (${text(error)})`, { cause: error });
  }
  if (unresolved.includes(code))
    return new MillraceError('ERR_ADDRESS', `the host of ${address} does not resolve: check its name`, { cause: error });
  if (code === 'EACCES' || code === 'EPERM')
    return new MillraceError('ERR_ADDRESS_DENIED', `this user may not connect to ${address}`, { cause: error });
  const nobody = code === 'ECONNREFUSED' || code === 'ENOENT';
  return new MillraceError(
    'ERR_CONNECTION_CLOSED',
    nobody ? `nobody listens on ${address}: start a server there, or check the address` : `connecting to ${address} failed: ${text(error)}`,
    { cause: error },
  );
}
