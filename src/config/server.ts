/** Checks the options of a server, in the host, before its thread starts. */
import { z } from 'zod';
import { isLoopback } from '../base/address.ts';
import { MillraceError } from '../base/errors.ts';
import { defaultAddress, defaults, leastEvictAfter, mostBundlesize } from './defaults.ts';
import * as field from './fields.ts';
import { httpServer } from './http-server.ts';
import { limits } from './limit-fields.ts';
import { componentHooks, parsed, readOptions, wrongOption } from './read.ts';
import * as security from './security-fields.ts';
import type { ServerConfig, ServerHooks, ServerOptions } from './server-options.ts';
import type { Parsed } from './shared-options.ts';

const schema = z.strictObject({
  source: field.source().optional(),
  address: field.address({ dialled: false }).optional(),
  auth: security.authKey().optional(),
  tls: security.tls('server').optional(),
  connectionLimits: security.connectionLimits().optional(),
  database: field.database().optional(),
  inMemory: field.flag().optional(),
  bundlesize: field.whole(1, mostBundlesize).optional(),
  bundlewait: field.duration('bundlewait').optional(),
  foreverMode: field.flag().optional(),
  restartMode: field.flag().optional(),
  maxRetries: field.whole(0, 1_000_000).optional(),
  backoff: field.backoff().optional(),
  maxLosses: field.whole(1, 1_000_000).optional(),
  eager: field.flag().optional(),
  evictAfter: field.duration('evictAfter', { least: leastEvictAfter }).optional(),
  reconnectGrace: field.duration('reconnectGrace').optional(),
  retain: z
    .strictObject(
      { count: field.whole(0, 1_000_000_000).optional(), age: field.duration('retain.age').optional() },
      { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : 'an object such as { count: 100000, age: "1h" }') },
    )
    .optional(),
  failFast: field.flag().optional(),
  continueOnFailure: field.flag().optional(),
  throwOnFailure: field.flag().optional(),
  taskTimeout: field.duration('taskTimeout', { least: 1 }).optional(),
  taskCores: field.positive().optional(),
  taskMemory: field.size('taskMemory').optional(),
  noConfirm: field.flag().optional(),
  redirectFailures: field.redirect<(args: string) => void>({ callback: true }).optional(),
  limits: limits().optional(),
  joblog: field.text('the path of a file').optional(),
  resume: field.resume().optional(),
  strict: field.flag().optional(),
  http: httpServer().optional(),
  onResult: field.callback<NonNullable<ServerHooks['onResult']>>('a function of one result').optional(),
  logger: field.logger().optional(),
  signal: field.signal().optional(),
});

/** Every name that a server's options may have. */
export const serverOptionNames: readonly string[] = Object.keys(schema.shape);

/** @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION, ERR_SIZE, ERR_ADDRESS, ERR_AUTH_WEAK, ERR_AUTH_REQUIRED */
export function parseServerOptions(options?: ServerOptions): Parsed<ServerConfig, ServerHooks> {
  const given = readOptions(schema, options, 'a server');
  const address = given.address ?? defaultAddress;
  const auth = given.auth ?? null;
  if (auth === null && 'host' in address && !isLoopback(address.host)) {
    throw new MillraceError(
      'ERR_AUTH_REQUIRED',
      `listening on ${address.host} lets other machines in: give auth, a key of at least 12 characters, or listen on localhost`,
      { details: { option: 'auth' } },
    );
  }
  if (given.foreverMode && given.restartMode)
    throw wrongOption('restartMode', 'left out with foreverMode: the one never ends, the other may end at once', true);
  const evictAfter = given.evictAfter ?? defaults.evictAfter;
  const failures = given.redirectFailures ?? null;
  const database = given.inMemory ? null : (given.database ?? null);
  if (given.resume && database === null && given.joblog === undefined)
    throw wrongOption('resume', 'given with a database or a joblog: what is in memory is gone with the last run', given.resume);
  const config: ServerConfig = {
    address,
    auth,
    tls: given.tls ?? null,
    connectionLimits: given.connectionLimits ?? {},
    database,
    bundlesize: given.bundlesize ?? defaults.bundlesize,
    bundlewait: given.bundlewait ?? defaults.bundlewait,
    foreverMode: given.foreverMode ?? false,
    restartMode: given.restartMode ?? false,
    maxRetries: given.maxRetries ?? defaults.maxRetries,
    backoff: given.backoff ?? null,
    maxLosses: given.maxLosses ?? defaults.maxLosses,
    eager: given.eager ?? false,
    evictAfter,
    heartrate: Math.min(defaults.heartrate, Math.floor(evictAfter / 3)),
    reconnectGrace: given.reconnectGrace ?? Math.min(defaults.reconnectGrace, Math.max(defaults.leastReconnectGrace, evictAfter / 10)),
    retain: { count: given.retain?.count ?? null, age: given.retain?.age ?? null },
    noConfirm: given.noConfirm ?? false,
    limits: given.limits ?? [],
    failuresPath: typeof failures === 'string' ? failures : null,
    failuresToHost: failures !== null && typeof failures !== 'string',
    joblog: given.joblog ?? null,
    resume: given.resume ?? false,
    strict: given.strict ?? false,
    failFast: given.failFast ?? false,
    continueOnFailure: given.continueOnFailure ?? false,
    throwOnFailure: given.throwOnFailure ?? false,
    taskTimeout: given.taskTimeout ?? null,
    taskCores: given.taskCores ?? null,
    taskMemory: given.taskMemory ?? null,
    http: given.http ?? null,
  };
  const redirectFailures = typeof failures === 'string' ? null : failures;
  return parsed(config, { ...componentHooks(given), source: given.source ?? null, onResult: given.onResult ?? null, redirectFailures });
}
