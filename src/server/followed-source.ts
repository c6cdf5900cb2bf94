/**
 * The source of a server that follows: it is read in its thread, and submitted to the server that leads, over a connection that goes on to the next one. What is
 * known is recognized there, under the same numbers and keys as of any submitter.
 */
import { MillraceError } from '../base/errors.ts';
import { requeueing } from '../control/resume.ts';
import { ConnectionSink } from '../control/sink.ts';
import { Pump } from '../source/pump.ts';
import type { SourceReader } from '../source/reader.ts';
import { Peer } from '../transport/peer.ts';
import type { Follower } from './follower.ts';
import { localLink } from './local-link.ts';
import type { FeedOptions, SourceFeed } from './source-feed.ts';

/** A source that fails ends the server with that error; what it gave before stays in the queue. */
export function feedFollowed(follower: Follower, reader: SourceReader, { config, own, clock }: FeedOptions): SourceFeed {
  const { bundlesize, bundlewait, strict } = config;
  const { resume, requeue, places, skip } = own;
  const { left, right } = localLink(clock);
  const sink = new ConnectionSink();
  const peer = new Peer(left, {
    clock,
    message(message) {
      if (message[0] === 'submitted') sink.receive(message);
    },
    closed: (error) => sink.fail(error ?? new MillraceError('ERR_ENDED', 'the server has ended')),
  });
  follower.attend(right, false);
  sink.attach(peer);
  const again = (numbers: number[]): Promise<unknown> => peer.request('change', { numbers, change: { kind: 'requeue' } });
  const options = { bundlesize, bundlewait, strict, contentKeys: resume, places, skip };
  const pump = new Pump(reader, options, requeue ? requeueing(sink, again) : sink, clock);
  pump.done.then(
    () => sink.finish(),
    (thrown: unknown) => follower.stop(true, MillraceError.from(thrown, 'ERR_SOURCE')),
  );
  return {
    pause: () => pump.pause(),
    resume: () => pump.resume(),
    stop: () => void pump.stop().catch(() => {}),
  };
}
