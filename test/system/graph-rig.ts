/** Servers, clients and sessions of the system tests of task graphs: real threads and sockets, each ended when its test has finished. */
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ClientOptions, ServerOptions, ServerThread } from '../../dist/index.js';
import { blob, Client, type MillraceError, type Session, type SessionOptions, type Task, tasks } from '../../dist/session/index.js';
import { startClient, startServer } from './rig.ts';

export interface Cluster {
  readonly server: ServerThread;
  /** Of the user. */
  readonly client: Client;
}

export const graphKey = 'a key for these tests';

export function userOf(server: ServerThread): Client {
  const client = new Client(server.address, { auth: graphKey });
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

/** What is under way when a server is killed: each command notes in `runs` that it ran, and the long one ends when there is a file `go`. */
export async function submitOvernight(
  session: Session,
  folder: string,
): Promise<Record<'early' | 'long' | 'last' | 'sized', Task> & { runs: string }> {
  const runs = join(folder, 'runs');
  return await session.bindOnly(async () => {
    // Larger than what travels inside of a submission.
    const large = blob(Buffer.alloc(3_000_000, 'a'));
    const early = tasks.execute(`echo early >> ${runs}; printf early`, { shell: true, stdout: true, name: 'early' });
    const long = tasks.execute(`echo long >> ${runs}; while ! test -e ${folder}/go; do sleep 0.05; done; printf long`, {
      shell: true,
      stdout: true,
      name: 'long',
    });
    const last = tasks.concat([early, long], { name: 'last' });
    const sized = tasks.concat([large, early], { name: 'sized' });
    for (const task of [early, last, sized]) task.output.keep();
    await session.submit();
    return { early, long, last, sized, runs };
  });
}
