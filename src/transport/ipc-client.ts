/**
 * net-ipc's Client for exactly one attempt: no reconnecting of its own, a promise that is always settled, no server name made of an
 * IP address, and our handshake instead of its greeting.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { DiallingHandshake } from '../protocol/handshake.ts';
import type { Limits } from '../protocol/limits.ts';
import type { PeerInfo } from '../protocol/messages.ts';
import { exporterOf } from './exporter.ts';
import { IpcChannel } from './ipc-channel.ts';
import type { NetConnection } from './net-connection.ts';
import { BaseClient } from './net-ipc.ts';
import { newNonce } from './secrets.ts';

export interface IpcClientSetup {
  /** Asked when the server has answered. */
  readonly key: (socket: Socket) => string;
  readonly self: PeerInfo;
  readonly limits: Limits;
  readonly clock: Clock;
  /** For `net.connect` or `tls.connect`. */
  readonly where: { readonly path?: string | undefined; readonly [option: string]: unknown };
  readonly secure: boolean;
  /** Under TLS, after its handshake: an error when the certificate is not the expected one. */
  readonly checkCertificate: (socket: Socket) => MillraceError | null;
}

/**
 * States. *connecting*: net-ipc opens the socket. *handshake* (`_init`): the channel speaks. *settled*: the promise of `open` has its
 * answer; socket events go on to the channel.
 */
export class HardenedClient extends BaseClient {
  readonly #setup: IpcClientSetup;
  #channel: IpcChannel | null = null;
  #socketError: Error | null = null;

  constructor(setup: IpcClientSetup) {
    // No host: net-ipc would make it the TLS server name even when it is an IP address. Its path overwrites that of the socket options.
    super({ path: 'unused', tls: setup.secure, options: setup.where, reconnect: false });
    this.options.path = setup.where.path;
    this.#setup = setup;
  }

  async open(): Promise<NetConnection> {
    const connected = this.connect();
    this.connection?.setNoDelay?.(true);
    return (await connected) as NetConnection;
  }

  /** Give up. */
  abort(error: MillraceError): void {
    this.#settle(error);
    if (this.#channel !== null) this.#channel.abort(error);
    else this.connection?.destroy();
  }

  override _init(): void {
    const socket = this.connection!;
    const { self, limits, clock, secure, key, checkCertificate } = this.#setup;
    const handshake = new DiallingHandshake({
      self,
      nonce: newNonce(),
      channel: exporterOf(socket, secure),
      key: () => {
        const wrong = secure ? checkCertificate(socket) : null;
        if (wrong !== null) throw wrong;
        return key(socket);
      },
    });
    const channel = new IpcChannel({
      socket,
      limits,
      clock,
      id: newId(),
      expectsPreamble: false,
      handshake,
      succeeded: (connection) => {
        this._promise?.resolve(connection);
        this._promise = null;
      },
      failed: (error) => this.#settle(error),
    });
    this.#channel = channel;
    socket.on('readable', () => channel.readable());
    socket.on('drain', () => channel.drain());
    channel.say(handshake.hello());
  }

  override _onerror(error: Error): void {
    this.#socketError ??= error;
    this.#channel?.errored(error);
  }

  override _onclose(): void {
    this.connection = null;
    // The reason of a failed connect or TLS handshake is the socket's error; the dialler gives it a code.
    if (this._promise !== null) this.#settle(this.#socketError ?? new Error('the connection ended during the handshake'));
    this.#channel?.closed();
  }

  #settle(error: Error): void {
    this._promise?.reject(error);
    this._promise = null;
  }
}
