/** Keeps a connection visibly alive, and notices when the other side is not. Timers stand for the moments at which something is due; nothing polls. */
import type { Clock } from '../base/clock.ts';
import type { Connection } from './connection.ts';

export interface HeartbeatOptions {
  /** ms: a heartbeat is sent when nothing else was for so long. */
  readonly heartrate: number;
  /** ms without anything received until `onSilent` is called. `Infinity`: never. */
  readonly limit: number;
  readonly clock: Clock;
  /** Called at most once. */
  onSilent(): void;
}

/** A carrier that tells when it last sent something is spared heartbeats beside other messages. */
export type Watched = Connection & { readonly lastSent?: number };

/** Begins at once; returns the way to stop it, which its user calls when the connection is closed. */
export function watchHeartbeat(connection: Watched, { heartrate, limit, clock, onSilent }: HeartbeatOptions): () => void {
  let stopped = false;
  let stopBeat: () => void = () => {};
  let stopWatch: () => void = () => {};

  const beatIn = (ms: number): void => {
    stopBeat = clock.after(ms, beat, { unref: true });
  };
  const beat = (): void => {
    const quiet = clock.now() - (connection.lastSent ?? Number.NEGATIVE_INFINITY);
    // A timer may fire a little early by the other clock; less than a millisecond is not worth another round.
    if (quiet + 1 >= heartrate) connection.send(['heartbeat']);
    if (!stopped) beatIn(quiet + 1 < heartrate ? heartrate - quiet : heartrate);
  };
  const watchIn = (ms: number): void => {
    stopWatch = clock.after(ms, watch, { unref: true });
  };
  const watch = (): void => {
    const silent = clock.now() - connection.lastReceived;
    if (silent < limit) watchIn(limit - silent);
    else {
      stop();
      onSilent();
    }
  };
  const stop = (): void => {
    stopped = true;
    stopBeat();
    stopWatch();
  };

  beatIn(heartrate);
  if (Number.isFinite(limit)) watchIn(limit);
  return stop;
}
