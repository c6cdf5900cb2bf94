/** Checks the address and options of `connect()`. */
import { z } from 'zod';
import type { ConnectConfig, ConnectHooks, ConnectOptions } from './connect-options.ts';
import { defaults } from './defaults.ts';
import * as field from './fields.ts';
import { componentHooks, parsed, readOptions } from './read.ts';
import * as security from './security-fields.ts';
import type { Addresses, Parsed } from './shared-options.ts';

const schema = z.strictObject({
  auth: security.authKey().optional(),
  tls: security.tls('others').optional(),
  connectTimeout: field.duration('connectTimeout', { least: 1 }).optional(),
  logger: field.logger().optional(),
  signal: field.signal().optional(),
});

const place = z.strictObject({ address: field.addresses() });

/** @throws ERR_ADDRESS, ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION, ERR_AUTH_WEAK */
export function parseConnectOptions(address: Addresses, options?: ConnectOptions): Parsed<ConnectConfig, ConnectHooks> {
  const given = readOptions(schema, options, 'connect()');
  const config: ConnectConfig = {
    ...readOptions(place, { address }, 'connect()').address,
    auth: given.auth ?? null,
    tls: given.tls ?? null,
    connectTimeout: given.connectTimeout ?? defaults.connectTimeout,
  };
  return parsed(config, componentHooks(given));
}
