/** Listeners and connections of tests: whatever a test opened is closed when it has finished. */
import { onTestFinished } from 'vitest';
import type { MillraceError } from '../../src/base/errors.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { type DialOptions, dial } from '../../src/transport/dial.ts';
import { type ListenSetup, listen, type NetListener } from '../../src/transport/listen.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { clientInfo, serverInfo } from './peers.ts';

export const auth = 'correct horse battery';

export interface TestListener extends NetListener {
  readonly accepted: Connection[];
  readonly refused: MillraceError[];
}

export async function openListener(setup: Partial<ListenSetup> = {}): Promise<TestListener> {
  const accepted: Connection[] = [];
  const refused: MillraceError[] = [];
  const listener = await listen({
    address: { host: '127.0.0.1', port: 0 },
    auth,
    self: serverInfo,
    keyFolder: temporaryFolder(),
    onRefused: (error) => refused.push(error),
    ...setup,
    onConnection: (connection) => {
      accepted.push(connection);
      setup.onConnection?.(connection);
    },
  });
  onTestFinished(async () => {
    for (const connection of accepted) connection.destroy();
    await listener.close();
  });
  return { ...listener, accepted, refused };
}

export async function openConnection(to: NetListener['address'], options: Partial<DialOptions> = {}): Promise<Connection> {
  const connection = await dial(to, { auth, self: clientInfo, keyFolder: options.keyFolder ?? temporaryFolder(), ...options });
  onTestFinished(() => connection.destroy());
  return connection;
}
