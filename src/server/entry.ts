/** The entry of a server's thread. */
import { systemClock } from '../base/clock.ts';
import { hostName, newId } from '../base/ids.ts';
import { silentLogger } from '../base/log.ts';
import { ownSource } from '../control/resume.ts';
import { fromWireError } from '../protocol/wire-error.ts';
import { openSource } from '../source/open.ts';
import type { Summary } from '../task/result.ts';
import { runComponent } from '../threads/lifecycle.ts';
import { threadLogger } from '../threads/thread-logger.ts';
import { MessagePortConnection } from '../transport/message-port.ts';
import type { ServerInfo, ServerThreadData } from './messages.ts';
import { logRecovered } from './recovered.ts';
import { Server } from './server.ts';
import { feedSource } from './source-feed.ts';

runComponent<ServerInfo, Summary>(async ({ id, data, emit }) => {
  const { config, sourcePath, expectSource, listens, host, attached } = data as ServerThreadData;
  const clock = systemClock;
  // First what may be missing: nothing is bound or locked for a source that is not there.
  const reader = sourcePath === null ? null : await openSource(sourcePath, clock);
  const own = await ownSource(config);
  const onlyClients = listens ? null : attached.flatMap(({ peer }) => peer.client ?? []);
  const logger = threadLogger(emit) ?? silentLogger;
  const server = await Server.open({ id, config, expectSource, listens, onlyClients, clock, logger });
  const self = { role: 'control' as const, id: newId(), host: hostName(), pid: process.pid };
  logRecovered(server.info.recovered, logger);
  server.accept(new MessagePortConnection({ port: host, peer: self, clock }), true);
  for (const { port, peer } of attached) server.accept(new MessagePortConnection({ port, peer, clock }), false, true);
  const feed = reader === null ? null : feedSource(server, reader, { config, own, clock });
  return {
    info: server.info,
    component: {
      ended: server.ended,
      stop(drain) {
        feed?.stop();
        server.stop(drain);
      },
      request(name, value) {
        if (name === 'pause' || name === 'resume') {
          feed?.[name]();
          server.hold(name === 'pause');
        } else if (name === 'fail') server.stop(true, fromWireError(value));
      },
      lingers: () => server.lingers(),
    },
  };
});
