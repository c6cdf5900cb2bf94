/** A client that is started and waited for in one call, and a server with a client in this process. */
import { MessageChannel } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId, newOwnedId } from '../base/ids.ts';
import type { ClientSummary } from '../client/client.ts';
import { clientPeer } from '../client/peer.ts';
import { ClientThread } from '../client/thread.ts';
import { parseClientOptions } from '../config/client.ts';
import type { ClientConfig, ClientHooks, ClientOptions } from '../config/client-options.ts';
import { parseRunLocalOptions } from '../config/local.ts';
import type { RunLocalOptions } from '../config/local-options.ts';
import type { Parsed, Source } from '../config/shared-options.ts';
import { ServerThread } from '../server/thread.ts';
import type { Summary } from '../task/result.ts';

/**
 * Work for a server until it says that all is done, or `clientTimeout`, or an abort of `signal`, which drains: it resolves, also when there was no
 * connection yet. Errors: those of `ClientThread.new` but ERR_ABORTED, ERR_SERVER_LOST. (Source: HyperShell, `run_client`.)
 */
export async function runClient(options: ClientOptions = {}): Promise<ClientSummary> {
  const parts = parseClientOptions(options);
  const startedAt = systemClock.now();
  let client: ClientThread;
  try {
    client = await ClientThread.start(parts, newOwnedId(), null, 'drain');
  } catch (error) {
    if (parts.hooks.signal?.aborted !== true || MillraceError.from(error).code !== 'ERR_ABORTED') throw error;
    return { succeeded: 0, failed: 0, timedOut: 0, durationMs: systemClock.now() - startedAt };
  }
  return client.join();
}

/**
 * Run the tasks of a source here: a server and one client in this process, joined by a message channel; no port is opened. `numTasks`
 * defaults to all cores. An abort of `signal` kills what runs and rejects with ERR_ABORTED. Errors: those of `serveFrom` and `ClientThread.new`. (Source: HyperShell, `run_local`.)
 */
export async function runLocal(source: Source, options: RunLocalOptions = {}): Promise<Summary> {
  const { server: serverParts, client: clientParts } = parseRunLocalOptions(source, options);
  const { port1, port2 } = new MessageChannel();
  const clientId = newOwnedId();
  const peer = { role: 'server' as const, id: newId(), host: hostName(), pid: process.pid };
  // The client first: its shells are forked while this process is small, and nothing is accepted that nobody could run.
  const noServer = new AbortController();
  const joining = ClientThread.start(abortedToo(clientParts, noServer.signal), clientId, { port: port2, peer });
  // Its failure is looked at once the server stands.
  joining.catch(() => {});
  const attached = [{ port: port1, peer: clientPeer(clientParts.config, clientId.id, null) }];
  let server: ServerThread;
  try {
    server = await ServerThread.start(serverParts, { listens: false, attached });
  } catch (error) {
    // Node does not tell a port that is on its way to a thread that its other end is gone: the client would wait for it until `connectTimeout`.
    noServer.abort();
    await joining.then((client) => client.stop()).catch(() => {});
    throw error;
  }
  let client: ClientThread;
  try {
    client = await joining;
  } catch (error) {
    await server.stop();
    throw error;
  }
  // A client that dies takes the run down: nobody else could finish it.
  const ended = client.join();
  ended.catch(() => server.stop());
  // So does one that leaves by itself: what is left stays pending.
  if (clientParts.config.walltime !== null || clientParts.config.clientTimeout !== null) ended.then(() => server.stop()).catch(() => {});
  let summary: Summary;
  try {
    summary = await server.join();
  } catch (error) {
    // What ended the run is the answer; that its client then lost its server is not.
    await client.stop();
    throw error;
  }
  await client.stop();
  await ended;
  return summary;
}

function abortedToo({ config, hooks }: Parsed<ClientConfig, ClientHooks>, other: AbortSignal): Parsed<ClientConfig, ClientHooks> {
  return { config, hooks: { ...hooks, signal: hooks.signal === null ? other : AbortSignal.any([hooks.signal, other]) } };
}
