/**
 * The server's own source: a file that is read in its thread, submitted as by any submitter, without a connection. When it is resumed, what
 * the store knows is looked up in bulk and never becomes a submission: no turn and no commit is spent on it.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { ServerConfig } from '../config/server-options.ts';
import { type OwnSource, requeueing } from '../control/resume.ts';
import { type BundleSink, Pump, type PumpOptions } from '../source/pump.ts';
import type { SourceReader } from '../source/reader.ts';
import type { WireTask } from '../task/task.ts';
import type { OwnIntake } from './own-intake.ts';
import type { Server } from './server.ts';

export interface FeedOptions {
  readonly config: ServerConfig;
  readonly own: OwnSource;
  readonly clock: Clock;
}

export interface SourceFeed {
  pause(): void;
  resume(): void;
  stop(): void;
}

/** Known tasks are looked up so many at a time: 10,000 in bundles of 100 took 60 ms longer, and larger ones make large objects of their keys. */
const resumedBundle = { bundlesize: 1_000 };

/** Reads the source into the server; a source that fails drains the server, which then ends with that error. */
export function feedSource(server: Server, reader: SourceReader, { config, own: how, clock }: FeedOptions): SourceFeed {
  const { bundlesize, bundlewait, strict } = config;
  const { resume, requeue, places, skip } = how;
  const { own } = server;
  const submission = own.open(true);
  let sink: BundleSink = submission;
  if (resume) sink = withoutKnown(own, sink);
  if (requeue) sink = requeueing(sink, (numbers) => server.changes.change({ numbers }, { kind: 'requeue' }));
  const size = resume && bundlesize < resumedBundle.bundlesize ? resumedBundle : { bundlesize };
  const pumpOptions: PumpOptions = { ...size, bundlewait, strict, contentKeys: resume, places, skip };
  const pump = new Pump(reader, pumpOptions, sink, clock);
  const done = (): void => submission.close();
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

/** Passes on what the store does not know; bundle after bundle, so that order is kept. */
function withoutKnown(own: OwnIntake, sink: BundleSink): BundleSink {
  let turn: Promise<unknown> = Promise.resolve();
  return {
    async send(sequence, tasks) {
      const looking = turn.then(() => own.known(tasks));
      turn = looking.catch(() => {});
      const known = await looking;
      const duplicates = [...known];
      if (duplicates.length === tasks.length) return { first: 0, submittedAt: 0, count: 0, duplicates, rejected: 0 };
      const places: number[] = [];
      const fresh: WireTask[] = tasks.filter((_, place) => !known.has(place) && places.push(place));
      const receipt = await sink.send(sequence, fresh);
      const others = receipt.duplicates.map(([place, n]): [number, number] => [places[place]!, n]);
      return { ...receipt, duplicates: [...duplicates, ...others] };
    },
  };
}
