/** A server, clients and a session's connection in this process, over real sockets; the clients run the tasks of `TestRunner`. */

import { tmpdir } from 'node:os';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { hostName, newId, newOwnedId } from '../../src/base/ids.ts';
import { silentLogger } from '../../src/base/log.ts';
import { Client } from '../../src/client/client.ts';
import { parseClientOptions } from '../../src/config/client.ts';
import type { ClientOptions } from '../../src/config/client-options.ts';
import { parseServerOptions } from '../../src/config/server.ts';
import type { ServerOptions } from '../../src/config/server-options.ts';
import type { GraphEvents, GraphRequest, GraphRequests, SessionId, WireNode, WireObject } from '../../src/protocol/graph-messages.ts';
import { largestRead, mostReads } from '../../src/protocol/graph-messages.ts';
import { Server } from '../../src/server/server.ts';
import { dial } from '../../src/transport/dial.ts';
import { watchHeartbeat } from '../../src/transport/heartbeat.ts';
import { Peer } from '../../src/transport/peer.ts';
import { TestRunner } from './graph-runner.ts';

export const rigKey = 'correct horse battery';
const auth = rigKey;

type Address = { host: string; port: number };

export interface RigClient {
  readonly client: Client;
  readonly runner: TestRunner;
  readonly id: string;
  stop(): Promise<unknown>;
  /** It is gone with all that it has, without a word. */
  lose(): Promise<unknown>;
}

export class GraphRig {
  readonly server: Server;
  readonly #address: Address;

  static async open(options: ServerOptions = {}): Promise<GraphRig> {
    const { config } = parseServerOptions({ address: ['localhost', 0], foreverMode: true, auth, ...options });
    const parts = { id: newId(), config, expectSource: false, listens: true, onlyClients: null, clock: systemClock, logger: silentLogger };
    const server = await Server.open(parts);
    onTestFinished(async () => {
      server.stop(false);
      await server.ended.catch(() => {});
    });
    return new GraphRig(server);
  }

  private constructor(server: Server) {
    this.server = server;
    this.#address = server.info.address as Address;
  }

  get port(): number {
    return this.#address.port;
  }

  async client(options: ClientOptions = {}): Promise<RigClient> {
    const { config } = parseClientOptions({ address: this.#address, taskSignalwait: 0.2, auth, ...options });
    const runner = new TestRunner();
    const { id, token } = newOwnedId();
    const client = await Client.open({
      id,
      token,
      config,
      connection: null,
      environment: {},
      spoolFolder: tmpdir(),
      output: null,
      clock: systemClock,
      logger: silentLogger,
      signal: new AbortController().signal,
      stateChanged: () => {},
      loadRunner: async () => runner,
    });
    const stop = async (): Promise<unknown> => {
      client.feed({ type: 'stop' });
      return client.ended.catch(() => {});
    };
    onTestFinished(async () => void (await stop()));
    const lose = async (): Promise<unknown> => {
      client.feed({ type: 'lost', error: new MillraceError('ERR_SERVER_LOST', 'as planned') });
      return client.ended.catch(() => {});
    };
    return { client, runner, id, stop, lose };
  }

  /** A connection that may open sessions. */
  dial(): Promise<Driver> {
    return Driver.dial(this.#address, auth);
  }

  async session(onFailure: 'fail' | 'continue' = 'fail'): Promise<DrivenSession> {
    return DrivenSession.open(await this.dial(), onFailure);
  }
}

export class Driver {
  readonly peer: Peer;
  readonly events: { name: string; value: unknown }[] = [];
  #stop: () => void = () => {};

  static async dial(address: Address, key: string | null = null): Promise<Driver> {
    const self = { role: 'control' as const, id: newId(), host: hostName(), pid: process.pid };
    const driver = new Driver(await dial(address, { self, auth: key }));
    onTestFinished(() => driver.peer.destroy());
    return driver;
  }

  private constructor(connection: Awaited<ReturnType<typeof dial>>) {
    this.peer = new Peer(connection, {
      clock: systemClock,
      event: (name, value) => this.events.push({ name, value }),
      message: (message) => {
        // A server takes the silent for lost.
        if (message[0] !== 'welcome') return;
        const { heartrate, evictAfter } = message[1];
        const rate = Math.min(heartrate, evictAfter / 3);
        this.#stop = watchHeartbeat(connection, {
          heartrate: rate,
          limit: Number.POSITIVE_INFINITY,
          clock: systemClock,
          onSilent: () => {},
        });
      },
      closed: () => this.#stop(),
    });
  }

  ask<R extends GraphRequest>(name: R, parameters: GraphRequests[R][0]): Promise<GraphRequests[R][1]> {
    return this.peer.request(name, parameters) as Promise<GraphRequests[R][1]>;
  }

  heard<E extends keyof GraphEvents>(name: E): GraphEvents[E][] {
    return this.events.filter((event) => event.name === name).map(({ value }) => value as GraphEvents[E]);
  }
}

/** A session without the objects of the user's side: numbers only. */
export class DrivenSession {
  readonly driver: Driver;
  readonly session: SessionId;
  readonly token: string;

  static async open(driver: Driver, onFailure: 'fail' | 'continue' = 'fail'): Promise<DrivenSession> {
    const { session, token } = await driver.ask('graph.open', { name: 'driven', onFailure });
    return new DrivenSession(driver, session, token);
  }

  private constructor(driver: Driver, session: SessionId, token: string) {
    this.driver = driver;
    this.session = session;
    this.token = token;
  }

  submit(objects: WireObject[], tasks: WireNode[]): Promise<{ tasks: number; objects: number }> {
    return this.driver.ask('graph.submit', { session: this.session, objects, tasks, last: true });
  }

  async wait(...items: number[]): Promise<number[]> {
    return (await this.driver.ask('graph.wait', { session: this.session, items, some: false })).finished;
  }

  async fetch(object: number): Promise<Buffer> {
    const { fetch, size } = await this.driver.ask('graph.fetch', { session: this.session, object });
    const bytes = Buffer.alloc(size);
    let next = 0;
    const read = async (): Promise<void> => {
      while (next < size) {
        const offset = next;
        next += largestRead;
        bytes.set(await this.driver.ask('graph.read', { fetch, offset, length: Math.min(largestRead, size - offset) }), offset);
      }
    };
    await Promise.all(Array.from({ length: mostReads }, read));
    await this.driver.ask('graph.end-fetch', { fetch });
    return bytes;
  }

  close(): Promise<null> {
    return this.driver.ask('graph.close', { session: this.session });
  }
}

export function blob(id: number, text: string, keep = false): WireObject {
  return [id, 'const', 0, keep, Buffer.from(text), null];
}

export function result(id: number, keep = false): WireObject {
  return [id, 'output', 0, keep, null, null];
}

export function node(
  id: number,
  type: string,
  inputs: number[],
  outputs: number[],
  config: string | null = null,
  more: WireNode[5] = null,
): WireNode {
  return [id, type, config, inputs.flatMap((input) => [input, null]), outputs, more];
}
