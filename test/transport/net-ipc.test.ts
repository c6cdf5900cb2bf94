import { join } from 'node:path';
import { deferred } from '../../src/base/deferred.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { dial } from '../../src/transport/dial.ts';
import { listen } from '../../src/transport/listen.ts';
import { connectionContract } from '../contract/connection.ts';
import type { ConnectionFixture } from '../contract/connection-fixture.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { clientInfo, serverInfo } from './peers.ts';

expectNoLeaks();

const auth = 'correct horse battery';

async function fixture(kind: 'TCP' | 'TLS' | 'unix'): Promise<ConnectionFixture> {
  const keyFolder = temporaryFolder();
  const tls = kind === 'TLS';
  const closers: (() => Promise<void>)[] = [];
  return {
    pair: async (limits = {}) => {
      const accepted = deferred<Connection>();
      const address = kind === 'unix' ? { path: join(keyFolder, `s${closers.length}`) } : { host: '127.0.0.1', port: 0 };
      const listener = await listen({
        address,
        auth,
        tls,
        limits,
        self: serverInfo,
        keyFolder,
        onConnection: (connection) => accepted.resolve(connection),
      });
      closers.push(listener.close);
      const left = await dial(listener.address, { auth, tls, limits, self: clientInfo, keyFolder });
      return { left, right: await accepted.promise };
    },
    close: async () => {
      for (const close of closers) await close();
    },
  };
}

connectionContract('TCP', () => fixture('TCP'));
connectionContract('TLS', () => fixture('TLS'));
connectionContract('a unix socket', () => fixture('unix'));
