import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { MessagePortConnection } from '../../src/transport/message-port.ts';
import { connectionContract } from '../contract/connection.ts';
import { Listening } from '../contract/connection-fixture.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { clientInfo, serverInfo } from './peers.ts';

expectNoLeaks();

connectionContract('a message port', async () => ({
  pair: async (limits = {}) => {
    const { port1, port2 } = new MessageChannel();
    return {
      left: new MessagePortConnection({ port: port1, peer: serverInfo, limits }),
      right: new MessagePortConnection({ port: port2, peer: clientInfo, limits }),
    };
  },
  close: async () => {},
}));

test('a port that closes without an end is a lost connection', async () => {
  const { port1, port2 } = new MessageChannel();
  const heard = new Listening(new MessagePortConnection({ port: port1, peer: clientInfo }));
  port2.close();
  await until(() => heard.ends.length === 1);
  expect(heard.ends[0]).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
});
