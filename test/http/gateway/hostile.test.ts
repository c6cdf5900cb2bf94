/** What is malformed, too much, too slow or half: each gets its status with JSON, whoever else asks is answered meanwhile, and nothing stays. */
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { expectNoLeaks } from '../../support/leaks.ts';
import { until } from '../../support/until.ts';
import { type Face, startClientOf, startFace, token } from './rig.ts';

expectNoLeaks();

const host = 'Host: localhost\r\nConnection: close\r\n';
const lines = 'Content-Type: application/x-ndjson\r\n';

/** Bytes as they are sent, and the status that they get. */
const table: readonly (readonly [string, string, number])[] = [
  ['no HTTP', 'hello\r\n\r\n', 400],
  ['binary', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400],
  ['no Host', 'GET /api/progress HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  ['two Hosts', `GET /api/progress HTTP/1.1\r\nHost: localhost\r\n${host}\r\n`, 400],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: localhost/x@y\r\nConnection: close\r\n\r\n', 400],
  ['a Host that is no address', 'GET / HTTP/1.1\r\nHost: [::::]\r\nConnection: close\r\n\r\n', 400],
  ['an address written in another way', 'GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]\r\nConnection: close\r\n\r\n', 400],
  ['a port that is none', 'GET / HTTP/1.1\r\nHost: localhost:99999\r\nConnection: close\r\n\r\n', 400],
  ['another name', 'GET /api/progress HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', 421],
  ['an unknown route', `GET /nothing HTTP/1.1\r\n${host}\r\n`, 404],
  ['an unknown method', `BREW /api/progress HTTP/1.1\r\n${host}\r\n`, 400],
  ['a method that is not for it', `PATCH /api/progress HTTP/1.1\r\n${host}\r\n`, 405],
  ['TRACE', `TRACE / HTTP/1.1\r\n${host}\r\n`, 405],
  ['CONNECT', `CONNECT example.org:80 HTTP/1.1\r\n${host}\r\n`, 405],
  ['a proxy request', `GET http://example.org/ HTTP/1.1\r\n${host}\r\n`, 400],
  ['dots', `GET /api/../metrics HTTP/1.1\r\n${host}\r\n`, 400],
  ['dots in hex', `GET /api/%2e%2e/metrics HTTP/1.1\r\n${host}\r\n`, 400],
  ['two slashes', `GET //api/progress HTTP/1.1\r\n${host}\r\n`, 400],
  ['a slash in hex', `GET /api%2fprogress HTTP/1.1\r\n${host}\r\n`, 400],
  ['a NUL', `GET /api/tasks/%00 HTTP/1.1\r\n${host}\r\n`, 400],
  ['half a percent', `GET /api/tasks/%a HTTP/1.1\r\n${host}\r\n`, 400],
  ['a long path', `GET /${'x'.repeat(9_000)} HTTP/1.1\r\n${host}\r\n`, 414],
  ['a long header', `GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['many headers', `GET / HTTP/1.1\r\n${host}${Array.from({ length: 200 }, (_, i) => `x${i}: 1\r\n`).join('')}\r\n`, 431],
  ['two lengths', `POST /api/tasks HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`, 400],
  ['a length and chunks', `POST /api/tasks HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a negative length', `POST /api/tasks HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`, 400],
  ['a broken chunk', `POST /api/tasks HTTP/1.1\r\n${host}${lines}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n`, 400],
  ['an expectation', `POST /api/tasks HTTP/1.1\r\n${host}Expect: miracles\r\nContent-Length: 0\r\n\r\n`, 417],
  ['an unknown parameter', `GET /api/tasks?colour=red HTTP/1.1\r\n${host}\r\n`, 400],
  ['a wrong parameter', `GET /api/tasks?limit=-1 HTTP/1.1\r\n${host}\r\n`, 400],
  ['a parameter twice', `GET /api/tasks?limit=1&limit=2 HTTP/1.1\r\n${host}\r\n`, 400],
  ['a condition that is none', `GET /api/tasks?where=oops HTTP/1.1\r\n${host}\r\n`, 400],
  ['a page that is none', `GET /api/tasks?after=x HTTP/1.1\r\n${host}\r\n`, 400],
  ['no id', `GET /api/tasks/7 HTTP/1.1\r\n${host}\r\n`, 400],
  ['no type', `POST /api/tasks HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\n""`, 415],
  ['a compressed body', `POST /api/tasks HTTP/1.1\r\n${host}${lines}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx`, 415],
  [
    'a body that is compressed on its way',
    `POST /api/tasks HTTP/1.1\r\n${host}${lines}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    415,
  ],
  ['a body that is no UTF-8', `POST /api/cancel HTTP/1.1\r\n${host}Content-Length: 12\r\n\r\n{"ids":["\xff"]}`, 400],
  ['lines that are no UTF-8', `POST /api/tasks HTTP/1.1\r\n${host}${lines}Content-Length: 4\r\n\r\n"\xff"\n`, 400],
  ['a wrong parameter behind a question mark', `GET /api/count?where=args%20~%20a?&state=zzz HTTP/1.1\r\n${host}\r\n`, 400],
  ['a body that is no JSON', `POST /api/cancel HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\n{`, 400],
  ['a body of the wrong kind', `POST /api/cancel HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\n[]`, 400],
  ['a body that says more than it is told', `POST /api/cancel HTTP/1.1\r\n${host}Content-Length: 99999999\r\n\r\n{}`, 413],
  ['an upgrade', `GET /api/progress HTTP/1.1\r\n${host}Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`, 200],
];

function readRaw(text: string): { status: number; body: unknown } {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]), body: body === '' ? null : JSON.parse(body) };
}

async function isWell(face: Face): Promise<void> {
  expect((await face.get('/healthz')).json()).toEqual({ alive: true });
}

it('every kind of wrong bytes gets its status with JSON that tells nothing of the code', async () => {
  const face = await startFace();
  for (const [name, bytes, status] of table) {
    const text = await face.raw(bytes);
    const answer = readRaw(text);
    expect(answer.status, `${name}: ${text.slice(0, 300)}`).toBe(status);
    if (name === 'a long header') expect(text).toContain('at most 16384 bytes');
    if (status >= 400) expect(answer.body, name).toMatchObject({ error_text: expect.any(String), request: { method: expect.any(String) } });
    expect(text, name).not.toMatch(/node:internal|\/src\/|\/dist\/|\bat .*\.js:\d/);
  }
  await isWell(face);
});

it('a body that is too long is refused before it is read, whoever asks is known or not', async () => {
  const face = await startFace({ bodyLimit: '64KB', auth: { token } });
  const big = `"${'x'.repeat(100_000)}"`;
  const headers = { 'content-type': 'application/json' };
  expect((await face.ask('POST', '/api/tasks', { headers, body: big })).status).toBe(401);
  const known = { ...headers, authorization: `Bearer ${token}` };
  expect((await face.ask('POST', '/api/tasks', { headers: known, body: big })).status).toBe(413);
  async function* pieces() {
    for (let i = 0; i < 100; i += 1) yield `"${'x'.repeat(10_000)}",`;
  }
  expect((await face.ask('POST', '/api/tasks', { headers: known, body: pieces() })).status).toBe(413);
  await isWell(face);
});

it('a sender that goes away halfway leaves what it had sent in whole lines, and nothing else', async () => {
  const face = await startFace();
  const socket = connect(face.port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(`POST /api/tasks?strict=true HTTP/1.1\r\n${host}${lines}Transfer-Encoding: chunked\r\n\r\n`);
  const part = `${Array.from({ length: 500 }, (_, i) => `"echo ${i}"\n`).join('')}"half a li`;
  socket.write(`${part.length.toString(16)}\r\n${part}\r\n`);
  const submitted = async (): Promise<number> => Number((await face.get('/api/progress')).json().submitted);
  await until(async () => (await submitted()) >= 400);
  socket.destroy();
  // A client that takes what there is proves that the submission has ended: the server may.
  await startClientOf(face);
  await until(async () => {
    const { submitted: all, succeeded } = (await face.get('/api/progress')).json();
    return all === succeeded && all === 500;
  });
});

it('two hundred connections that say nothing, or read nothing, keep nobody from an answer', async () => {
  const face = await startFace();
  await face.submit(Array.from({ length: 1_000 }, (_, i) => `echo ${i} ${'x'.repeat(500)}`));
  const sockets = Array.from({ length: 200 }, (_, i) => {
    const socket = connect(face.port, '127.0.0.1').on('error', () => {});
    onTestFinished(() => void socket.destroy());
    socket.pause();
    if (i % 2 === 0) socket.write(`GET /api/tasks?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return socket;
  });
  await Promise.all(
    sockets.map((socket) => new Promise((resolve) => (socket.connecting ? socket.once('connect', resolve) : resolve(null)))),
  );
  await isWell(face);
  expect((await face.get('/api/count')).json()).toEqual({ count: 1_000 });
});

it('a server that ends meanwhile ends the streams of those who listen, and takes no more connections', async () => {
  const face = await startFace();
  const events = await face.open('/api/events');
  const ended = new Promise((resolve) => events.once('close', resolve));
  events.resume();
  await face.server.stop();
  await ended;
  await expect(face.get('/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
