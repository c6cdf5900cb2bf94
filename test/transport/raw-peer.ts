/** A peer of the network's own making: a plain socket that sends whatever bytes a test wants, with or without a proper handshake first. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { FrameParser, frameOf } from '../../src/protocol/frame.ts';
import { DiallingHandshake } from '../../src/protocol/handshake.ts';
import { decodeHandshake, encodeHandshake } from '../../src/protocol/handshake-body.ts';
import type { PeerInfo } from '../../src/protocol/messages.ts';
import { until } from '../support/until.ts';
import { auth } from './endpoints.ts';

const info: PeerInfo = { role: 'control', id: 'attacker', host: 'elsewhere', pid: 666 };

export class RawPeer {
  readonly socket: Socket;
  /** Everything that came in. */
  readonly received: Buffer[] = [];
  closed = false;

  readonly #tcp: Socket;

  private constructor(tcp: Socket, socket: Socket) {
    this.#tcp = tcp;
    this.socket = socket;
    tcp.on('error', () => {});
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  /** To a port of loopback, or the path of a unix socket. */
  static async connect(to: number | string, secure: boolean): Promise<RawPeer> {
    const tcp = typeof to === 'string' ? connect({ path: to }) : connect({ host: '127.0.0.1', port: to });
    const socket = secure ? tlsConnect({ socket: tcp, rejectUnauthorized: false }) : tcp;
    const peer = new RawPeer(tcp, socket);
    await new Promise<void>((resolve) => {
      socket.once(secure ? 'secureConnect' : 'connect', () => resolve());
      socket.once('close', () => resolve());
    });
    return peer;
  }

  /** Breaks the connection off without an end. A unix socket knows no reset. */
  reset(): void {
    if (this.#tcp.remoteAddress === undefined) this.#tcp.destroy();
    else this.#tcp.resetAndDestroy();
  }

  read(): this {
    this.socket.on('data', (chunk) => this.received.push(chunk));
    return this;
  }

  send(bytes: Uint8Array | string): this {
    if (this.socket.writable) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes);
    return this;
  }

  /** The frames of a handshake that is broken off after so many of our frames: 1 = hello, 2 = hello and proof. */
  async shakeHands(frames = 2, frameId?: string): Promise<unknown[]> {
    const answers: unknown[] = [];
    const parser = new FrameParser(() => 1 << 20);
    this.socket.on('data', (chunk) => {
      parser.push(chunk);
      for (let body = parser.next(); body !== null && answers.length < 2; body = parser.next()) answers.push(decodeHandshake(body));
    });
    const { socket } = this;
    const handshake = new DiallingHandshake({
      self: info,
      nonce: randomBytes(32).toString('hex'),
      key: () => auth,
      channel: () =>
        'exportKeyingMaterial' in socket
          ? (socket as TLSSocket).exportKeyingMaterial(32, 'EXPORTER-millrace', Buffer.from('handshake'))
          : Buffer.alloc(0),
    });
    const hello = {
      t: 0,
      d: { compress: true, messagepack: true, extras: handshake.hello(), ...(frameId === undefined ? {} : { id: frameId }) },
    };
    this.send(Buffer.from('IPC')).send(frameOf(Buffer.from(JSON.stringify(hello))));
    if (frames === 0) return answers;
    await until(() => answers.length === 1 || this.closed);
    if (frames < 2) return answers;
    const { send } = handshake.receive(answers[0]);
    this.send(frameOf(encodeHandshake(1, send[0])));
    await until(() => answers.length === 2 || this.closed);
    socket.removeAllListeners('data').pause();
    return answers;
  }
}
