/**
 * The sockets of the gateway: where it listens, and what they may cost. Heads of requests have ten seconds and 16 KiB, idle connections five seconds, silent
 * ones two minutes; whatever is no HTTP gets a status and JSON as well.
 */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { formatAddress } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { HttpServerConfig } from '../../config/http-server-options.ts';
import type { TlsConfig } from '../../config/shared-options.ts';
import { listenError } from '../../transport/socket-errors.ts';

export type RequestListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

export interface HttpListener {
  readonly address: { readonly host: string; readonly port: number };
  /** Takes no more connections, and ends those that are idle. */
  unlisten(): void;
  /** Resolves when the last connection has ended; at once with `force`, which ends them. */
  close(force: boolean): Promise<void>;
}

/** Bytes. */
const longestHead = 16_384;
/** ms. */
const headTime = 10_000;

const options: ServerOptions = {
  maxHeaderSize: longestHead,
  headersTimeout: headTime,
  // A stream of tasks may last; silence in a body is told there.
  requestTimeout: 0,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  requireHostHeader: false,
};
const mostConnections = 2_048;
/** ms without a byte either way. */
const longestSilence = 120_000;

const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
};

const unreadable = {
  400: 'this is no HTTP request that can be read',
  408: `the head of a request did not come within ${headTime / 1_000} s`,
  431: `the head of a request has at most ${longestHead} bytes`,
} as const;

/** Errors: ERR_ADDRESS, ERR_ADDRESS_IN_USE, ERR_ADDRESS_DENIED, ERR_TLS. */
export async function listenHttp({ address, tls }: HttpServerConfig, clock: Clock, listener: RequestListener): Promise<HttpListener> {
  const make = tls === null ? () => createServer(options) : await secureServers(tls, address.host, clock);
  const servers: Server[] = [];
  const bind = async (host: string, port: number): Promise<number> => {
    const server = make();
    prepare(server, listener);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, ipv6Only: host === '::1' }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    servers.push(server);
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new MillraceError('ERR_ADDRESS', `cannot listen on ${host}`);
    return bound.port;
  };
  const unlisten = (): void => {
    for (const server of servers) {
      server.close();
      server.closeIdleConnections();
    }
  };
  try {
    const port =
      address.host === 'localhost'
        ? await bindBoth(bind, () => servers.pop()?.close(), address.port)
        : await bind(address.host, address.port);
    return {
      address: { host: address.host, port },
      unlisten,
      async close(force) {
        unlisten();
        if (force) for (const server of servers) server.closeAllConnections();
        await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      },
    };
  } catch (error) {
    unlisten();
    throw listenError(error, formatAddress(address));
  }
}

async function secureServers(tls: TlsConfig, host: string, clock: Clock): Promise<() => Server> {
  const [https, certificate, keys] = await Promise.all([
    import('node:https'),
    import('../../transport/certificate.ts'),
    import('../../transport/key-folder.ts'),
  ]);
  const secure = await certificate.serverTls(tls, keys.defaultKeyFolder(), clock, host);
  const asks = tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  return () => https.createServer({ ...options, ...secure, ...asks, handshakeTimeout: 10_000 });
}

/** On both loopback addresses, as far as the machine has them, with the same port. */
async function bindBoth(bind: (host: string, port: number) => Promise<number>, unbind: () => void, wanted: number): Promise<number> {
  for (let attempt = 0; ; attempt += 1) {
    const port = await bind('127.0.0.1', wanted);
    try {
      return await bind('::1', port);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return port;
      unbind();
      if (code !== 'EADDRINUSE' || wanted !== 0 || attempt === 9) throw error;
    }
  }
}

function prepare(server: Server, listener: RequestListener): void {
  server.maxConnections = mostConnections;
  server.timeout = longestSilence;
  server.on('request', listener);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
    answerRaw(socket, status, unreadable[status]);
  });
  server.on('connect', (_request, socket) => answerRaw(socket, 405, 'this server is no proxy'));
  server.on('checkExpectation', (_request, outgoing: ServerResponse) =>
    answerRaw(outgoing.socket, 417, 'only 100-continue can be expected'),
  );
}

/** For what has not become a request. */
function answerRaw(socket: Duplex | null, status: number, text: string): void {
  if (socket === null || !socket.writable || socket.destroyed) return;
  const body = JSON.stringify({ request: { method: '', path: '' }, error_text: text, error_class: 'Refusal' });
  const head = [
    `HTTP/1.1 ${status} ${statusTexts[status]}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    'connection: close',
  ].join('\r\n');
  socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy());
}
