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

/** A timer that fires so late (ms) tells that the process was frozen, or held up; and how long it then has to hear of the other side. */
const standstill = 250;
const afterStandstill = 1_000;

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
  let due = 0;
  const watchIn = (ms: number): void => {
    due = clock.now() + ms;
    stopWatch = clock.after(ms, watch, { unref: true });
  };
  const watch = (): void => {
    const silent = clock.now() - connection.lastReceived;
    if (silent < limit) watchIn(limit - silent);
    // This process stood still: what the other side said meanwhile waits in the socket, and is read after the timers.
    else if (clock.now() - due > standstill) watchIn(Math.min(limit, afterStandstill));
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
