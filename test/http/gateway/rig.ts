/** A server with an HTTP face, as its users have it, and requests to it, each over a connection of its own so that nothing is left open. */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { onTestFinished, vi } from 'vitest';
import { type ClientOptions, ClientThread, type ServerOptions, ServerThread } from '../../../dist/index.js';

vi.setConfig({ testTimeout: 60_000 });

export const token = 'a-token-of-many-characters';

export interface Told {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The value of its JSON. */
  json<T = Record<string, unknown>>(): T;
}

export interface Asked {
  readonly body?: string | AsyncIterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Face {
  readonly server: ServerThread;
  readonly port: number;
  ask(method: string, path: string, asked?: Asked): Promise<Told>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Told>;
  /** The answer before its body. */
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<IncomingMessage>;
  submit(lines: readonly unknown[], query?: string): Promise<Told>;
  /** What comes back for these very bytes, until the connection ends. */
  raw(bytes: string): Promise<string>;
}

export async function startFace(http: ServerOptions['http'] = {}, options: ServerOptions = {}): Promise<Face> {
  const server = await ServerThread.new({
    address: 'localhost:0',
    foreverMode: true,
    ...options,
    http: { address: '127.0.0.1:0', ...http },
  });
  onTestFinished(() => server.stop({ timeout: 5 }));
  const { port } = server.httpAddress;
  const send = (method: string, path: string, headers: Readonly<Record<string, string>>): ClientRequest =>
    request({ host: '127.0.0.1', port, method, path, agent: false, headers: { connection: 'close', ...headers } });
  const ask: Face['ask'] = async (method, path, { body, headers = {} } = {}) => {
    const outgoing = send(method, path, headers);
    const answered = new Promise<IncomingMessage>((resolve, reject) => outgoing.once('response', resolve).on('error', reject));
    if (body === undefined || typeof body === 'string') outgoing.end(body);
    else Readable.from(body, { objectMode: false }).pipe(outgoing);
    return told(await answered);
  };
  return {
    server,
    port,
    ask,
    get: (path, headers) => ask('GET', path, headers === undefined ? {} : { headers }),
    open: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        const outgoing = send('GET', path, headers).once('response', resolve).once('error', reject);
        onTestFinished(() => void outgoing.destroy());
        outgoing.end();
      }),
    submit: (lines, query = '') =>
      ask('POST', `/api/tasks${query}`, {
        headers: { 'content-type': 'application/x-ndjson' },
        body: lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
      }),
    raw: (bytes) =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1');
        let text = '';
        socket.setEncoding('latin1').on('data', (more: string) => {
          text += more;
        });
        socket.once('close', () => resolve(text));
        socket.once('error', (error: NodeJS.ErrnoException) =>
          error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve(text) : reject(error),
        );
        socket.write(bytes, 'latin1');
      }),
  };
}

export async function startClientOf({ server }: Face, numTasks = 2, options: ClientOptions = {}): Promise<ClientThread> {
  const client = await ClientThread.new({ address: server.address, numTasks, taskSignalwait: 0.2, ...options });
  onTestFinished(() => client.stop({ timeout: 5 }));
  return client;
}

async function told(answer: IncomingMessage): Promise<Told> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk as string;
  const { statusCode: status = 0, headers } = answer;
  return { status, headers, text, json: <T>() => JSON.parse(text) as T };
}
