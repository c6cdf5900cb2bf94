/** The value that binds a handshake to its TLS channel: the same on both ends of one channel, different on any other. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

const nothing = new Uint8Array(0);

/** To be called after the TLS handshake; empty where there is no TLS. */
export function exporterOf(socket: Socket, secure: boolean): () => Uint8Array {
  return () =>
    secure && socket instanceof TLSSocket ? socket.exportKeyingMaterial(32, 'EXPORTER-millrace', Buffer.from('handshake')) : nothing;
}
