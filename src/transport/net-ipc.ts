/**
 * Exactly what of net-ipc 2.2.2 is relied on, typed, and nothing else of it. Its own declarations leave out the members that the
 * hardened subclasses override, and `Connection` is not exported by its index. A test pins all of this, so that another version fails
 * loudly instead of quietly losing a guard.
 */
import type { EventEmitter } from 'node:events';
import type { Server as NetServer, Socket } from 'node:net';
import netIpc from 'net-ipc';
import connection from 'net-ipc/src/connection.js';

/** A side of a connection: base constructors bind `readable`, `drain`, `error` and `close` of the socket to these by name. */
export interface IpcSide {
  connection: Socket | null;
  _init(): void;
  _drain(): void;
  _onerror(error: Error): void;
  _onclose(): void;
}

export interface IpcServer extends EventEmitter {
  server: NetServer | null;
  /** Read by the constructor of `Connection`. */
  options: { path: string | undefined; port: number | undefined; retries: number; options: object; listener: object };
  _onlistening(): void;
  _onerror(error: Error): void;
  _onclose(): void;
  _onconnection(socket: Socket): void;
}

export interface IpcClient extends IpcSide, EventEmitter {
  options: { path: string | undefined; host: string | undefined; port: number | undefined; options: object };
  /** The executor's two functions of the promise that `connect` returned. */
  _promise: { resolve(value: unknown): void; reject(error: unknown): void } | null;
  /** Opens the socket, binds its events, and on `ready` writes the preamble `IPC` and calls `_init`. */
  connect(payload?: unknown): Promise<unknown>;
}

const index = netIpc as unknown as { Client: new (options: object) => IpcClient; Server: new (options: object) => IpcServer };

/** The side that accepted. Not exported by the index of the package, which has no `exports` map. */
export const BaseConnection: new (socket: Socket, server: IpcServer) => IpcSide = connection as new (
  socket: Socket,
  server: IpcServer,
) => IpcSide;
export const BaseServer: new (options: object) => IpcServer = index.Server;
export const BaseClient: new (options: object) => IpcClient = index.Client;
