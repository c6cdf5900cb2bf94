/**
 * Reading a socket that has to wait before anything may be made of its bytes: only who reads learns that the other side has left. What came is
 * put back when its turn has come.
 */
import type { Socket } from 'node:net';

/** `most`: more bytes end it. Gives the way to put them back; false: there is nobody any more. */
export function readAhead(socket: Socket, most: number): () => boolean {
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (): void => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > most) socket.destroy();
    }
  };
  socket.on('readable', take);
  return () => {
    socket.removeListener('readable', take);
    if (socket.destroyed || socket.readableEnded) return false;
    if (size > 0) socket.unshift(Buffer.concat(chunks));
    return true;
  };
}
