/**
 * The options of who may connect, as zod schemas: the key of both sides, TLS, and how many connections a server keeps. No value of `auth` or
 * `tls` ever stands in a message.
 */
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import { keyFromEnvironment } from './environment.ts';
import { coded, text, whole } from './fields.ts';
import type { TlsConfig } from './shared-options.ts';

/** A key is at least this many characters. */
const shortestKey = 12;

/** The key of both sides, given or named in the environment. */
export function authKey(): z.ZodType<string> {
  return coded((value) => {
    const [key, where] = given(value);
    if (key.length < shortestKey)
      throw new MillraceError(
        'ERR_AUTH_WEAK',
        `auth${where} must have at least ${shortestKey} characters; it has ${key.length}. Make one with \`openssl rand -hex 16\``,
      );
    return key;
  });
}

function given(value: unknown): [key: string, where: string] {
  if (typeof value === 'string') return [value, ''];
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (names.length !== 1 || names[0] !== 'env')
    throw new MillraceError('ERR_OPTION', `auth must be a text, or { env: 'MILLRACE_AUTH' }; it is of type ${typeof value}`);
  const { env } = value as { env: unknown };
  return [keyFromEnvironment(env), ' (of the environment)'];
}

const fingerprintPattern = /^(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}$/i;

function pem(): z.ZodType<string> {
  const error = 'a text or bytes in PEM form';
  return z
    .union([z.string(), z.instanceof(Uint8Array)], { error })
    .transform((value) => (typeof value === 'string' ? value : new TextDecoder().decode(value)))
    .refine((value) => value.includes('-----BEGIN '), { error: `${error}, not a path` });
}

export const tlsNames: readonly string[] = ['cert', 'key', 'passphrase', 'ca', 'fingerprint', 'serverName'];

/** What only the side that dials uses. */
const notFor: Readonly<Record<'server' | 'others', readonly string[]>> = { server: ['fingerprint', 'serverName'], others: [] };
const notForServer = 'left out on a server, which dials nobody: give it to the other side. Clients are checked by `ca`';

/** `false` is null, `true` an empty object, else the texts that were given; what this side would not use is refused. */
export function tls(side: 'server' | 'others'): z.ZodType<TlsConfig | null> {
  const unused = notFor[side];
  const names = tlsNames.filter((name) => !unused.includes(name));
  const error = `true, false or { ${names.join(', ')} }`;
  const together = 'given together with tls.key: cert and key, or neither';
  const parts = z
    .strictObject(
      {
        cert: pem().optional(),
        key: pem().optional(),
        passphrase: z.string({ error: 'a text' }).optional(),
        ca: pem().optional(),
        fingerprint: z.string({ error: 'a text' }).regex(fingerprintPattern, { error: 'a SHA-256 of 64 hex digits' }).optional(),
        serverName: text('the name in the certificate').optional(),
      },
      { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : error) },
    )
    .refine(({ cert, key }) => (cert === undefined) === (key === undefined), { error: together, path: ['cert'] })
    .refine(({ key, passphrase }) => passphrase === undefined || key !== undefined, {
      error: 'left out without tls.key, which it is for',
      path: ['passphrase'],
    });
  return z.unknown().transform((value, context): TlsConfig | null => {
    if (typeof value === 'boolean') return value ? {} : null;
    const read = parts.safeParse(value);
    if (!read.success) {
      for (const issue of read.error.issues) context.issues.push({ ...issue, input: undefined });
      return z.NEVER;
    }
    const { fingerprint, ...texts } = read.data;
    const wrong = unused.find((name) => read.data[name as keyof typeof read.data] !== undefined);
    if (wrong !== undefined) {
      context.issues.push({ code: 'custom', path: [wrong], message: notForServer, input: undefined });
      return z.NEVER;
    }
    const config: Record<string, string> = {};
    for (const [name, content] of Object.entries(texts)) if (content !== undefined) config[name] = content;
    if (fingerprint !== undefined) config.fingerprint = fingerprint.replaceAll(':', '').toLowerCase();
    return config;
  });
}

export const connectionLimitNames: readonly string[] = ['total', 'perAddress', 'unauthenticated', 'unauthenticatedPerAddress'];

/** How many connections a server keeps. */
export function connectionLimits(): z.ZodType<
  Partial<Record<'total' | 'perAddress' | 'unauthenticated' | 'unauthenticatedPerAddress', number>>
> {
  const most = whole(1, 1_000_000).optional();
  return z
    .strictObject(
      { total: most, perAddress: most, unauthenticated: most, unauthenticatedPerAddress: most },
      { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : 'an object such as { perAddress: 2000 }') },
    )
    .transform((given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
}
