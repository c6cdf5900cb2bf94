/** Servers that are started and waited for in one call. (Source: HyperShell, `serve_from`, `serve_file`, `serve_forever`.) */
import { MillraceError } from '../base/errors.ts';
import { wrongOption } from '../config/read.ts';
import { parseServerOptions } from '../config/server.ts';
import type { ServerOptions } from '../config/server-options.ts';
import type { Source } from '../config/shared-options.ts';
import { ServerThread } from '../server/thread.ts';
import type { Summary } from '../task/result.ts';

const alone = { listens: true, attached: [] };

/**
 * Serve the tasks of a source until all are done. An abort of `signal` kills what runs and rejects with ERR_ABORTED.
 * Errors: those of `ServerThread.new` and `join`.
 */
export async function serveFrom(source: Source, options: Omit<ServerOptions, 'source'> = {}): Promise<Summary> {
  if (source === undefined) throw wrongOption('source', 'given: the path of a file, a stream, or an iterable of tasks', source);
  const server = await ServerThread.start(parseServerOptions({ ...options, source }), alone);
  return server.join();
}

/** Serve the tasks of a file, a line each, until all are done. Errors: ERR_SOURCE_NOT_FOUND and those of `serveFrom`. */
export async function serveFile(path: string | URL, options: Omit<ServerOptions, 'source'> = {}): Promise<Summary> {
  if (typeof path !== 'string' && !(path instanceof URL))
    throw new MillraceError('ERR_OPTION', 'serveFile() takes the path of a file; for a list of tasks use serveFrom()');
  return serveFrom(path, options);
}

/** Serve what submitters send until `signal` is aborted: then drain, and resolve. Errors: those of `ServerThread.new`. */
export async function serveForever(options: Omit<ServerOptions, 'source' | 'foreverMode' | 'restartMode'> = {}): Promise<Summary> {
  const server = await ServerThread.start(parseServerOptions({ ...options, foreverMode: true }), alone, 'drain');
  return server.join();
}
