/** Writing to whoever reads slowly: what is written waits for the reader, for a bounded time, and nothing is piled up. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';

/** How long a reader may take nothing of a stream (ms). */
const longestWait = 60_000;

/** Writes a piece; resolves when there is room for the next one. False: the reader has gone, or took nothing for so long and was cut off. */
export async function writePiece(outgoing: ServerResponse, piece: string, clock: Clock): Promise<boolean> {
  if (outgoing.destroyed || outgoing.writableEnded) return false;
  if (outgoing.write(piece)) return true;
  return new Promise((resolve) => {
    const settle = (room: boolean): void => {
      cancel();
      outgoing.off('drain', drained);
      outgoing.off('close', closed);
      resolve(room);
    };
    const drained = (): void => settle(true);
    const closed = (): void => settle(false);
    const cancel = clock.after(longestWait, () => outgoing.destroy());
    outgoing.on('drain', drained);
    outgoing.on('close', closed);
  });
}
