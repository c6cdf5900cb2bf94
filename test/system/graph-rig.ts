/** Servers, clients and sessions of the system tests of task graphs: real threads and sockets, each ended when its test has finished. */
import { onTestFinished } from 'vitest';
import type { ClientOptions, ServerOptions, ServerThread } from '../../dist/index.js';
import { Client, type MillraceError, type Session, type SessionOptions } from '../../dist/session/index.js';
import { startClient, startServer } from './rig.ts';

export interface Cluster {
  readonly server: ServerThread;
  /** Of the user. */
  readonly client: Client;
}

export const graphKey = 'a key for these tests';

export function userOf(server: ServerThread): Client {
  const { address } = server;
  if (!('port' in address)) throw new Error('the server listens on no port');
  const client = new Client(address.host, address.port, { auth: graphKey });
  onTestFinished(() => client.close());
  return client;
}

/** A server, so many clients that run tasks, and one of the user. */
export async function startCluster(clients = 1, options: ClientOptions = {}, serverOptions: ServerOptions = {}): Promise<Cluster> {
  const server = await startServer({ foreverMode: true, address: ['127.0.0.1', 0], auth: graphKey, ...serverOptions });
  await Promise.all(Array.from({ length: clients }, () => startClient(server, { auth: graphKey, numTasks: 2, ...options })));
  return { server, client: userOf(server) };
}

/** A session that is closed in the end. */
export async function openSession(client: Client, options: SessionOptions = {}): Promise<Session> {
  const session = await client.newSession('test', options);
  onTestFinished(() => session.close());
  return session;
}

/** With what a call fails, at once or later. */
export async function failureOf(call: () => unknown): Promise<MillraceError> {
  try {
    await call();
  } catch (error) {
    return error as MillraceError;
  }
  throw new Error('nothing was thrown');
}
