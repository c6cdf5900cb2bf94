/** Checks the options of `runLocal()`: each option goes to the half that knows it, or to both. */
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { clientOptionNames, parseClientOptions } from './client.ts';
import type { ClientOptions } from './client-options.ts';
import type { RunLocalOptions, RunLocalParts } from './local-options.ts';
import { wrongOption } from './read.ts';
import { parseServerOptions, serverOptionNames } from './server.ts';
import type { ServerOptions } from './server-options.ts';
import type { Source } from './shared-options.ts';

const ofConnection = ['address', 'auth', 'tls', 'connectionLimits'];
const ofServer = serverOptionNames.filter((name) => name !== 'source' && !ofConnection.includes(name));
// The time of tasks goes to the server alone: there it is what a task without its own gets, in a client it would cut longer ones of their own.
const ofClient = clientOptionNames.filter((name) => !ofConnection.includes(name) && name !== 'taskTimeout');

/** @throws as `parseServerOptions` and `parseClientOptions` */
export function parseRunLocalOptions(source: Source, options: RunLocalOptions = {}): RunLocalParts {
  if (typeof options !== 'object' || options === null) throw new MillraceError('ERR_OPTION', 'the options of runLocal() must be an object');
  if (source === undefined) throw wrongOption('source', 'given: the path of a file, a stream, or an iterable of tasks', source);
  const server: Record<string, unknown> = { source };
  const client: Record<string, unknown> = { numTasks: 0 };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (ofServer.includes(name)) server[name] = value;
    if (ofClient.includes(name)) client[name] = value;
    if (ofServer.includes(name) || ofClient.includes(name)) continue;
    if (ofConnection.includes(name)) {
      throw new MillraceError(
        'ERR_OPTION',
        `${name} is not for runLocal(), which opens no port; use serveFrom() with a client of its own`,
        {
          details: { option: name },
        },
      );
    }
    const known = [...ofServer, ...ofClient];
    throw new MillraceError('ERR_UNKNOWN_OPTION', `runLocal() has no option '${name.slice(0, 200)}'.${didYouMean(name, known)}`, {
      details: { option: name },
    });
  }
  const parts: RunLocalParts = { server: parseServerOptions(server as ServerOptions), client: parseClientOptions(client as ClientOptions) };
  const { heartrate } = parts.client.config;
  const most = Math.floor(parts.server.config.evictAfter / 3);
  if (heartrate !== null && heartrate > most)
    throw wrongOption(
      'heartrate',
      `at most a third of evictAfter, ${most / 1_000} s, or a client in good health is evicted`,
      options.heartrate,
    );
  return parts;
}
