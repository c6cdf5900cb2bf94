/** Checks the options of a server's HTTP face, as a part of its own options. No value of them ever stands in a message: keys are among them. */
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { isLoopback, type ParsedAddress } from '../base/address.ts';
import { MillraceError } from '../base/errors.ts';
import * as field from './fields.ts';
import type { HttpKeyConfig, HttpServerConfig } from './http-server-options.ts';
import * as security from './security-fields.ts';

const defaults = { port: 50_080, bodyLimit: 16 * 2 ** 20, timeout: 60_000 };

/** Beyond loopback; on loopback no key at all is allowed, so a short one is too. */
const shortest = { key: 12, token: 16 } as const;

const schema = z.strictObject(
  {
    address: field.address({ dialled: false, name: 'http.address' }).optional(),
    auth: keys().optional(),
    tls: security.tls('server').optional(),
    routes: moduleUrl().optional(),
    hosts: z
      .array(field.text("a host such as 'server.example:8080'"), { error: 'a list of hosts' })
      .min(1, { error: 'a list of hosts' })
      .optional(),
    bodyLimit: field.size('http.bodyLimit', { mostMiB: 512 }).optional(),
    timeout: field.duration('http.timeout', { least: 1 }).optional(),
    privateAddresses: field.flag().optional(),
    showStack: field.flag().optional(),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : "an object such as { address: 'localhost:8080' }") },
);

export const httpServerNames: readonly string[] = Object.keys(schema.shape);

/** @throws ERR_AUTH_REQUIRED, ERR_AUTH_WEAK, ERR_OPTION, ERR_ADDRESS and the codes of single options */
export function httpServer(): z.ZodType<HttpServerConfig> {
  return schema.transform((given, context): HttpServerConfig => {
    const address: ParsedAddress = given.address ?? { host: 'localhost', port: defaults.port };
    const auth = given.auth ?? [];
    const error = 'host' in address ? reachError(address.host, auth) : withoutHost();
    if (error !== null || !('host' in address)) {
      context.addIssue({ code: 'custom', message: error?.message ?? '', params: { code: error?.code } });
      return z.NEVER;
    }
    return {
      address,
      auth,
      tls: given.tls ?? null,
      routes: given.routes ?? null,
      hosts: given.hosts?.map((host) => host.toLowerCase()) ?? null,
      bodyLimit: given.bodyLimit ?? defaults.bodyLimit,
      timeout: given.timeout ?? defaults.timeout,
      privateAddresses: given.privateAddresses ?? true,
      showStack: given.showStack ?? false,
    };
  });
}

function withoutHost(): MillraceError {
  return new MillraceError('ERR_ADDRESS', 'http.address must have a host and a port: HTTP is not served on unix sockets');
}

function reachError(host: string, auth: readonly HttpKeyConfig[]): MillraceError | null {
  if (isLoopback(host)) return null;
  if (auth.length === 0)
    return new MillraceError(
      'ERR_AUTH_REQUIRED',
      `http.address: listening on ${host} lets other machines in: give http.auth, a token or a login and key, or listen on localhost`,
    );
  for (const key of auth) {
    const [name, length] = key.kind === 'key' ? (['key', key.key.length] as const) : (['token', key.token.length] as const);
    if (length < shortest[name])
      return new MillraceError(
        'ERR_AUTH_WEAK',
        `http.auth: the ${name} of '${key.login}' must have at least ${shortest[name]} characters beyond loopback; it has ${length}. Make one with \`openssl rand -hex 20\``,
      );
  }
  return null;
}

function keys(): z.ZodType<HttpKeyConfig[]> {
  return field.coded((value) => (Array.isArray(value) ? (value as unknown[]) : [value]).map(keyOf));
}

function keyOf(value: unknown): HttpKeyConfig {
  const given = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const { login, key, token, ...others } = given;
  const text = (one: unknown): one is string => typeof one === 'string' && one !== '';
  const bare = Object.keys(others).length === 0;
  if (bare && token === undefined && text(login) && text(key)) return { kind: 'key', login, key };
  if (bare && key === undefined && text(token) && (login === undefined || text(login)) && !/\s/.test(token))
    return { kind: 'token', login: login ?? 'token', token };
  throw new MillraceError(
    'ERR_OPTION',
    'http.auth must be { login, key }, { token }, { token, login } or a list of them, each a text; a token has no blanks',
  );
}

function moduleUrl(): z.ZodType<string> {
  return field.coded((value) => {
    if (value instanceof URL || (typeof value === 'string' && value.startsWith('file:'))) {
      const { protocol, href } = new URL(value);
      if (protocol === 'file:') return href;
    } else if (typeof value === 'string' && value !== '' && !value.includes('\0'))
      return pathToFileURL(isAbsolute(value) ? value : resolve(value)).href;
    throw new MillraceError('ERR_OPTION', "http.routes must be the file: URL of a module, such as new URL('./routes.js', import.meta.url)");
  });
}
