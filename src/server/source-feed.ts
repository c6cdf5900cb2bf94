/** The server's own source: a file that is read in its thread, submitted as by any submitter, without a connection. */
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { Pump, type Receipt } from '../source/pump.ts';
import type { SourceReader } from '../source/reader.ts';
import type { Server } from './server.ts';

export interface FeedOptions {
  readonly bundlesize: number;
  readonly bundlewait: number;
  readonly clock: Clock;
}

/** Reads the source into the server; a source that fails drains the server, which then ends with that error. */
export function feedSource(server: Server, reader: SourceReader, options: FeedOptions): { pause(): void; resume(): void; stop(): void } {
  const { bundlesize, bundlewait, clock } = options;
  const submitter = newId();
  const waiting = new Map<number, Deferred<Receipt>>();
  server.openOwn(submitter, (message) => {
    if (message[0] !== 'submitted') return;
    waiting.get(message[2])?.resolve(message[3]);
    waiting.delete(message[2]);
  });
  const pump = new Pump(
    reader,
    { bundlesize, bundlewait },
    {
      send(sequence, tasks) {
        const receipt = deferred<Receipt>();
        waiting.set(sequence, receipt);
        server.submitOwn(submitter, sequence, tasks);
        return receipt.promise;
      },
    },
    clock,
  );
  const done = (): void => server.closeOwn(submitter);
  pump.done.then(done, (thrown: unknown) => {
    server.stop(true, MillraceError.from(thrown, 'ERR_SOURCE'));
    done();
  });
  return {
    pause: () => pump.pause(),
    resume: () => pump.resume(),
    stop: () => void pump.stop().catch(() => {}),
  };
}
