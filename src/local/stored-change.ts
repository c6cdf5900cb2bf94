/**
 * Changes of the tasks of a database that no server holds: a server that listens nowhere holds the file for the moment of the change, so that a change means the
 * same with and without a server: its counts, dependencies, repetitions and the leases that a dead server left.
 */
import { MessageChannel } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import { silentLogger } from '../base/log.ts';
import { parseServerOptions } from '../config/server.ts';
import { ServerControl } from '../control/control.ts';
import { wire } from '../control/tasks.ts';
import type { TaskChange } from '../data/change.ts';
import type { CheckedQuery } from '../data/query.ts';
import { Server } from '../server/server.ts';
import { MessagePortConnection } from '../transport/message-port.ts';

/** @throws ERR_DATABASE_IN_USE, and what the change itself may be refused with */
export async function changeStored(database: string, query: CheckedQuery, change: TaskChange, clock: Clock): Promise<number> {
  const id = newId();
  const { config } = parseServerOptions({ database, foreverMode: true });
  const server = await Server.open({
    id,
    config,
    expectSource: false,
    listens: false,
    onlyClients: null,
    clock,
    logger: silentLogger,
  }).catch(held);
  const peer = { host: hostName(), pid: process.pid };
  const { port1, port2 } = new MessageChannel();
  server.accept(new MessagePortConnection({ port: port2, peer: { role: 'control', id: newId(), ...peer }, clock }), true);
  const connection = new MessagePortConnection({ port: port1, peer: { role: 'server', id, ...peer }, clock });
  const control = new ServerControl(connection, clock, { event: () => {}, closed: () => {} });
  try {
    return (await control.ask('change', { ...wire(query), change })) as number;
  } finally {
    server.stop(false);
    await server.ended.catch(() => {});
    await control.close();
    await server.lingers();
  }
}

function held(error: unknown): never {
  if (!(error instanceof MillraceError) || error.code !== 'ERR_DATABASE_IN_USE') throw error;
  const message = 'the database is held by a server or a submitter: change its tasks through that server, by connect(address)';
  throw new MillraceError('ERR_DATABASE_IN_USE', message, { cause: error });
}
