/** The entry of a server's thread. */
import { systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import { silentLogger } from '../base/log.ts';
import { ownSource } from '../control/resume.ts';
import { fromWireError } from '../protocol/wire-error.ts';
import { openSource } from '../source/open.ts';
import type { SourceReader } from '../source/reader.ts';
import { isPostgres } from '../store/open.ts';
import type { Summary } from '../task/result.ts';
import { runComponent } from '../threads/lifecycle.ts';
import { threadLogger } from '../threads/thread-logger.ts';
import type { Connection } from '../transport/connection.ts';
import { MessagePortConnection } from '../transport/message-port.ts';
import type { Follower } from './follower.ts';
import type { ServerInfo, ServerParts, ServerThreadData } from './messages.ts';
import { logRecovered } from './recovered.ts';
import { Server } from './server.ts';
import { type FeedOptions, feedSource, type SourceFeed } from './source-feed.ts';

runComponent<ServerInfo, Summary>(async ({ id, data, emit }) => {
  const { config, sourcePath, expectSource, listens, host, attached } = data as ServerThreadData;
  const clock = systemClock;
  // First what may be missing: nothing is bound or locked for a source that is not there.
  const reader = sourcePath === null ? null : await openSource(sourcePath, clock);
  const own = await ownSource(config);
  const onlyClients = listens ? null : attached.flatMap(({ peer }) => peer.client ?? []);
  const logger = threadLogger(emit) ?? silentLogger;
  const parts = { id, config, expectSource, listens, onlyClients, clock, logger };
  // Loaded by those who have a face only. Bound first: what is missing there is known before a database is held.
  const face = config.http === null ? null : await import('./gateway.ts');
  const gateway = face === null || config.http === null ? null : await face.Gateway.open(config.http, { clock, logger });
  const opened = await openServer(parts).catch(async (error: unknown) => {
    await gateway?.close(Promise.resolve());
    throw error;
  });
  const { server } = opened;
  const self = { role: 'control' as const, id: newId(), host: hostName(), pid: process.pid };
  logRecovered(server.info.recovered, logger);
  server.accept(new MessagePortConnection({ port: host, peer: self, clock }), true);
  for (const { port, peer } of attached) server.accept(new MessagePortConnection({ port, peer, clock }), false, true);
  const acceptFace = (connection: Connection): void =>
    void (opened.follows ? opened.server.attend(connection, false) : opened.server.accept(connection, false));
  if (face !== null) gateway?.serve(face.gatewayBackend(acceptFace, opened.follows ? null : opened.server.own, parts));
  const unlisten = (): void => gateway?.unlisten();
  server.ended.then(unlisten, unlisten);
  const feed = reader === null ? null : await feedInto(opened, reader, { config, own, clock });
  return {
    info: { ...server.info, httpAddress: gateway?.address ?? null },
    component: {
      ended: server.ended,
      stop(drain) {
        feed?.stop();
        if (opened.follows) server.stop(drain);
        else void opened.server.handOver(drain);
      },
      request(name, value) {
        if (name === 'pause' || name === 'resume') {
          feed?.[name]();
          server.hold(name === 'pause');
        } else if (name === 'fail') server.stop(true, fromWireError(value));
      },
      lingers() {
        const read = server.lingers();
        return gateway === null ? read : gateway.close(read ?? Promise.resolve());
      },
    },
  };
});

type Opened = { readonly follows: false; readonly server: Server } | { readonly follows: true; readonly server: Follower };

async function feedInto(opened: Opened, reader: SourceReader, options: FeedOptions): Promise<SourceFeed> {
  if (!opened.follows) return feedSource(opened.server, reader, options);
  const { feedFollowed } = await import('./followed-source.ts');
  return feedFollowed(opened.server, reader, options);
}

/** A server that leads, or one that follows where another leads, on a queue that several may share. */
async function openServer(parts: ServerParts): Promise<Opened> {
  try {
    return { follows: false, server: await Server.open(parts) };
  } catch (thrown) {
    const { database } = parts.config;
    // Who opens no port could not lead where others are to come.
    const mayFollow = parts.listens && database !== null && isPostgres(database);
    if (!mayFollow || MillraceError.from(thrown).code !== 'ERR_DATABASE_IN_USE') throw thrown;
    // Loaded by those who share a queue.
    const { Follower } = await import('./follower.ts');
    return { follows: true, server: await Follower.open(parts) };
  }
}
