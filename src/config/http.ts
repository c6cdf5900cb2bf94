/** Checks the options of requests to other servers, of their pool, and of the check of signatures. */
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import * as field from './fields.ts';
import type {
  HttpClientConfig,
  HttpClientOptions,
  HttpPoolConfig,
  HttpPoolOptions,
  HttpRequestConfig,
  HttpRequestOptions,
  QueryValue,
  SignatureVerifierConfig,
  SignatureVerifierOptions,
  WaitUnorderedConfig,
  WaitUnorderedOptions,
} from './http-options.ts';
import { readOptions } from './read.ts';
import * as security from './security-fields.ts';

const defaults = {
  timeout: 30_000,
  retries: 0,
  redirects: 5,
  bodyLimit: 16 * 2 ** 20,
  simultaneous: 2,
  window: 60_000,
  remembered: 100_000,
};

/** What only the connection itself may say. */
const reserved = new Set(
  'host content-length transfer-encoding connection keep-alive proxy-connection upgrade te trailer expect accept-encoding'.split(' '),
);

function headers(): z.ZodType<Record<string, string>> {
  return field.coded((value) => {
    if (typeof value !== 'object' || value === null || Symbol.iterator in value)
      throw new MillraceError('ERR_OPTION', "headers must be an object such as { 'x-trace': '1' }");
    return Object.fromEntries(Object.entries(value).map(([name, content]) => [headerName(name), headerValue(name, content)]));
  });
}

function headerName(name: string): string {
  if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name))
    throw new MillraceError('ERR_OPTION', `headers has a name that is none: ${JSON.stringify(name)}`);
  const lower = name.toLowerCase();
  if (reserved.has(lower)) throw new MillraceError('ERR_OPTION', `headers must not hold '${lower}': the client sets it itself`);
  return lower;
}

function headerValue(name: string, value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  // The value may be a secret: it is not shown.
  if (typeof text !== 'string' || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text))
    throw new MillraceError('ERR_OPTION', `headers.${name} must be a text of one line in Latin-1, or a number`);
  return text.trim();
}

function query(): z.ZodType<[string, string][]> {
  return field.coded((value) => {
    if (value instanceof URLSearchParams) return [...value];
    if (typeof value !== 'object' || value === null || Symbol.iterator in value)
      throw new MillraceError('ERR_OPTION', 'query must be an object such as { page: 2 }, or URLSearchParams');
    return Object.entries(value).flatMap(([name, content]) => queryPairs(name, content as QueryValue));
  });
}

function queryPairs(name: string, value: QueryValue): [string, string][] {
  if (value === null || value === undefined) return [];
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.map((one) => {
    if (!['string', 'number', 'boolean'].includes(typeof one))
      throw new MillraceError('ERR_OPTION', `query.${name} must be a text, a number, true, false or a list of them`);
    return [name, String(one)];
  });
}

const client = {
  timeout: field.duration('timeout', { least: 1 }).optional(),
  retries: field.whole(0, 100).optional(),
  redirects: field.whole(0, 20).optional(),
  bodyLimit: field.size('bodyLimit', { mostMiB: 512 }).optional(),
  // Whether there is TLS is said by the host.
  tls: security
    .tls('others')
    .refine((value) => value !== null, { error: 'left out, or { ca } or { fingerprint }: http:// before the host says that there is none' })
    .optional(),
  headers: headers().optional(),
  privateAddresses: field.flag().optional(),
};
const clientSchema = z.strictObject(client);
const poolSchema = z.strictObject({ ...client, simultaneous: field.whole(1, 10_000).optional(), signal: field.signal().optional() });
const requestSchema = z.strictObject({
  body: z.unknown().optional(),
  headers: headers().optional(),
  query: query().optional(),
  timeout: field.duration('timeout', { least: 1 }).optional(),
  retries: field.whole(0, 100).optional(),
  signal: field.signal().optional(),
});
const waitSchema = z.strictObject({
  count: field.whole(0, 1_000_000_000).optional(),
  timeout: field.duration('timeout').optional(),
  signal: field.signal().optional(),
});
const verifierSchema = z.strictObject({
  window: field.duration('window', { least: 1_000 }).optional(),
  plain: field.flag().optional(),
  hosts: z
    .array(field.text("a host such as 'server.example:8080'"), { error: 'a list of hosts' })
    .min(1, { error: 'a list of hosts' })
    .optional(),
  remembered: field.whole(1, 100_000_000).optional(),
});

/** @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION, ERR_SIZE */
export function parseHttpClientOptions(options?: HttpClientOptions): HttpClientConfig {
  return clientConfig(readOptions(clientSchema, options, 'Client'));
}

/** @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION, ERR_SIZE */
export function parseHttpPoolOptions(options?: HttpPoolOptions): {
  readonly client: HttpClientConfig;
  readonly pool: HttpPoolConfig;
  readonly signal: AbortSignal | null;
} {
  const given = readOptions(poolSchema, options, 'ClientPool');
  return {
    client: clientConfig(given),
    pool: Object.freeze({ simultaneous: given.simultaneous ?? defaults.simultaneous }),
    signal: given.signal ?? null,
  };
}

function clientConfig(given: z.infer<typeof clientSchema>): HttpClientConfig {
  return Object.freeze({
    timeout: given.timeout ?? defaults.timeout,
    retries: given.retries ?? defaults.retries,
    redirects: given.redirects ?? defaults.redirects,
    bodyLimit: given.bodyLimit ?? defaults.bodyLimit,
    tls: given.tls ?? null,
    headers: Object.freeze(given.headers ?? {}),
    privateAddresses: given.privateAddresses ?? true,
  });
}

/** The body is not looked at. @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION */
export function parseHttpRequestOptions(options?: HttpRequestOptions): HttpRequestConfig {
  const given = readOptions(requestSchema, options, 'request()');
  return {
    headers: given.headers ?? {},
    query: given.query ?? [],
    timeout: given.timeout ?? null,
    retries: given.retries ?? null,
    signal: given.signal ?? null,
  };
}

/** @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION */
export function parseWaitOptions(options?: WaitUnorderedOptions): WaitUnorderedConfig {
  const given = readOptions(waitSchema, options, 'waitUnordered()');
  return { count: given.count ?? Number.POSITIVE_INFINITY, timeout: given.timeout ?? null, signal: given.signal ?? null };
}

/** @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION */
export function parseVerifierOptions(options?: SignatureVerifierOptions): SignatureVerifierConfig {
  const given = readOptions(verifierSchema, options, 'SignatureVerifier');
  return Object.freeze({
    window: given.window ?? defaults.window,
    plain: given.plain ?? false,
    hosts: given.hosts?.map((host) => host.toLowerCase()) ?? null,
    remembered: given.remembered ?? defaults.remembered,
  });
}
