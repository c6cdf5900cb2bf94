/**
 * The daemon of a server, in its thread and behind its listener: it answers names, which its store keeps, and has what hosts register. Loaded when the first
 * caller comes.
 */
import type { Listener } from '../transport/connection.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { HostedObjects, hostedObjects } from './hosted-objects.ts';
import type { NameObject, NameStore } from './name-object.ts';
import { answerNames } from './name-server.ts';

export interface ServerDaemon {
  readonly daemon: Daemon;
  readonly names: NameObject;
}

/** `store`: where names are kept; absent: as long as the server lives. */
export function serverDaemon(listener: Listener, options: DaemonOptions, store: NameStore | undefined): ServerDaemon {
  const daemon = Daemon.over(listener, options);
  const names = answerNames(daemon, store);
  daemon.register(new HostedObjects(daemon), hostedObjects);
  return { daemon, names };
}
