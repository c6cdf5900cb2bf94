/** The entry of a client's thread. */
import { tmpdir } from 'node:os';
import { systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { runComponent } from '../threads/lifecycle.ts';
import { threadLogger } from '../threads/thread-logger.ts';
import { MessagePortConnection } from '../transport/message-port.ts';
import { Client, type ClientSummary } from './client.ts';
import { loadGraphRunner } from './graph/load-runner.ts';
import { type ClientThreadData, clientStates } from './messages.ts';

runComponent<null, ClientSummary>(async ({ id, data, signal, emit }) => {
  const { config, token, environment, server, output, state } = data as ClientThreadData;
  const clock = systemClock;
  const shared = new Int32Array(state);
  const connection = server === null ? null : new MessagePortConnection({ ...server, clock });
  const logger = threadLogger(emit);
  const spoolFolder = tmpdir();
  const client = await Client.open({
    id,
    token,
    config,
    connection,
    environment,
    spoolFolder,
    output,
    clock,
    logger,
    signal,
    loadRunner: () => loadGraphRunner({ id, config, environment, spoolFolder, clock, logger }),
    stateChanged: (name) => {
      Atomics.store(shared, 0, clientStates.indexOf(name));
      emit('state', name);
    },
  });
  return {
    info: null,
    component: {
      ended: client.ended,
      stop: (drain) => client.feed({ type: drain ? 'drain' : 'stop' }),
      request(name) {
        if (name !== 'pause' && name !== 'resume' && name !== 'drain' && name !== 'interrupt')
          throw new MillraceError('ERR_INTERNAL', `a client knows no '${name}'`);
        client.feed({ type: name });
      },
    },
  };
});
