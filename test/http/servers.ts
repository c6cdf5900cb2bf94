/** Real HTTP servers of tests: handlers whose errors reach the caller as this library says them, and sockets that say what they are told to. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { type ErrorBodyOptions, errorAnswer, type HTTPError } from '../../src/http/index.ts';

export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class Answer {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly headers: Record<string, string>;
  readonly reason: string | undefined;

  constructor(status: number, body: string | Uint8Array = '', headers: Record<string, string> = {}, reason?: string) {
    this.status = status;
    this.body = body;
    this.headers = headers;
    this.reason = reason;
  }
}

export interface Served {
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly heard: Heard[];
  /** Connections that were made. */
  readonly connections: number;
}

export interface ServeOptions extends ErrorBodyOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
}

async function listening(server: Server | ReturnType<typeof createSocketServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** What a handler returns is the JSON body, unless it is an `Answer`; what it throws is answered as an error. */
export async function serve(handler: (request: Heard) => unknown, options: ServeOptions = {}): Promise<Served> {
  const heard: Heard[] = [];
  const server = options.tls === undefined ? createServer() : createSecureServer(options.tls);
  let connections = 0;
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', () => {
    connections += 1;
  });
  server.on('request', async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const request = { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks) };
    heard.push(request);
    try {
      const result = await handler(request);
      const answer =
        result instanceof Answer ? result : new Answer(200, JSON.stringify(result ?? null), { 'content-type': 'application/json' });
      if (answer.reason !== undefined) outgoing.statusMessage = answer.reason;
      outgoing.writeHead(answer.status, answer.headers).end(answer.body);
    } catch (error) {
      const { status, headers, body } = errorAnswer(error, request, options);
      outgoing.writeHead(status, headers).end(body);
    }
  });
  const port = await listening(server);
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const host = `127.0.0.1:${port}`;
  return {
    port,
    host,
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}`,
    heard,
    get connections() {
      return connections;
    },
  };
}

/** A server that does with each connection what it is told, once something came on it. */
export async function serveSockets(act: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.once('data', () => act(socket));
  });
  const port = await listening(server);
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${port}`;
}

/** The error that a request must fail with. */
export const failure = (promise: Promise<unknown>): Promise<HTTPError> =>
  promise.then(
    () => expect.fail('it succeeded'),
    (error: unknown) => error as HTTPError,
  );
