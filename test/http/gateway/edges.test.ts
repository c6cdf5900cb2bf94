/** Where users of other servers know what to expect: heads alone, characters in two pieces, handlers that throw anything, callers that have gone. */
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Client } from '../../../src/http/index.ts';
import { expectNoLeaks } from '../../support/leaks.ts';
import { until } from '../../support/until.ts';
import { failure, serveSockets } from '../servers.ts';
import { type Face, startFace } from './rig.ts';

expectNoLeaks();

const routes = new URL('./fixtures/routes.mjs', import.meta.url);
const host = 'Host: localhost\r\nConnection: close\r\n';

it.each([
  ['/api/events', 'text/event-stream'],
  ['/api/results', 'application/x-ndjson'],
])('the head of %s, which lasts, is answered at once and without a body', async (path, type) => {
  const face = await startFace();
  const text = await face.raw(`HEAD ${path} HTTP/1.1\r\n${host}\r\n`);
  expect(text).toMatch(/^HTTP\/1\.1 200 /);
  expect(text).toContain(`content-type: ${type}`);
  expect(text.endsWith('\r\n\r\n')).toBe(true);
  expect(await face.raw(`HEAD ${path}?colour=red HTTP/1.1\r\n${host}\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
});

it('what may be got may be asked for by its head: that is told to whoever takes another method', async () => {
  const face = await startFace();
  expect((await face.ask('DELETE', '/api/progress')).headers.allow).toBe('GET, HEAD');
});

it('a question mark in a query belongs to it', async () => {
  const face = await startFace({ routes });
  expect((await face.get('/query?a=what?&b=2')).json()).toEqual({ a: 'what?', b: '2' });
});

it('a character of a line may come in two pieces; a line that breaks off in one ends the submission', async () => {
  const face = await startFace();
  const bytes = Buffer.from('"echo ü🚀"\n');
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
    const answer = await face.raw(
      `POST /api/tasks HTTP/1.1\r\n${host}Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n${pieces
        .map((piece) => `${piece.length.toString(16)}\r\n${piece.toString('latin1')}\r\n`)
        .join('')}0\r\n\r\n`,
    );
    expect(answer, String(cut)).toMatch(/^HTTP\/1\.1 201 /);
  }
  const { tasks } = (await face.get('/api/tasks')).json<{ tasks: { args: string }[] }>();
  expect(new Set(tasks.map(({ args }) => args))).toEqual(new Set(['echo ü🚀']));
  const broken = Buffer.from('"echo ü').subarray(0, -1).toString('latin1');
  const refused = await face.raw(
    `POST /api/tasks HTTP/1.1\r\n${host}Content-Type: application/x-ndjson\r\nContent-Length: ${broken.length}\r\n\r\n${broken}`,
  );
  expect(refused).toMatch(/^HTTP\/1\.1 400 /);
  expect(refused).toContain('no UTF-8');
});

it.each([
  ['nothing', 'undefined'],
  ['null', 'null'],
  ['bare', expect.any(String)],
])('a handler that throws %s is answered for with JSON', async (what, text) => {
  const face = await startFace({ routes });
  const told = await face.get(`/throw?what=${what}`);
  expect([told.status, told.json().error_text]).toEqual([500, text]);
});

it('a handler that returns what JSON cannot say is told so', async () => {
  const face = await startFace({ routes });
  const told = await face.get('/function');
  expect([told.status, told.json().error_text]).toEqual([500, 'a handler returns what JSON can say, not a function']);
});

it('a handler may say that nothing was modified: that has no body, and no length of one', async () => {
  const face = await startFace({ routes });
  const { status, headers, text } = await face.get('/same');
  expect([status, headers['content-length'], headers['content-type'], text]).toEqual([304, undefined, undefined, '']);
});

it('a handler may set many cookies', async () => {
  const face = await startFace({ routes });
  expect((await face.get('/cookies')).headers['set-cookie']).toEqual(['a=1', 'b=2']);
});

/** A server behind that never answers: how many of its connections stand. */
async function behind(): Promise<{ url: string; open: () => number; asked: () => number }> {
  let open = 0;
  let asked = 0;
  const url = await serveSockets((socket) => {
    open += 1;
    asked += 1;
    socket.once('close', () => {
      open -= 1;
    });
  });
  return { url, open: () => open, asked: () => asked };
}

function askAndLeave(face: Face, path: string): () => void {
  const socket = connect(face.port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(`GET ${path} HTTP/1.1\r\n${host}\r\n`);
  return () => socket.destroy();
}

it.each(['/ask', '/ask-pool'])('what a handler asks of others by %s ends when whoever asked it has gone', async (path) => {
  const other = await behind();
  const face = await startFace({ routes });
  const leave = askAndLeave(face, `${path}?url=${encodeURIComponent(other.url)}`);
  await until(() => other.asked() === 1);
  leave();
  await until(() => other.open() === 0);
});

it.each(['/ask', '/ask-pool'])('what a handler asks of others by %s ends when its time is up', async (path) => {
  const other = await behind();
  const face = await startFace({ routes, timeout: '300ms' });
  const told = await face.get(`${path}?url=${encodeURIComponent(other.url)}`);
  expect(told.status).toBe(504);
  await until(() => other.open() === 0);
});

it('a request whose sender left unanswered does not count as answered well', async () => {
  const face = await startFace({ routes });
  const leave = askAndLeave(face, '/hang');
  const other = await behind();
  const leaveOther = askAndLeave(face, `/ask?url=${encodeURIComponent(other.url)}`);
  await until(() => other.asked() === 1);
  leave();
  leaveOther();
  await until(async () => (await face.get('/metrics')).text.includes('route="/ask",status="499"'));
  expect((await face.get('/metrics')).text).not.toContain('route="/ask",status="200"');
});

it.each([
  ['the answer that it gets early', '/nowhere', undefined, { status: 404 }],
  ['its time-out', '/api/tasks', '500ms', { code: 'ERR_TIMEOUT' }],
])('a body of small pieces that never waits does not keep its request from %s', async (_name, path, timeout, outcome) => {
  // In another thread: what it takes in makes room at once.
  const face = await startFace();
  const client = new Client(`127.0.0.1:${face.port}`, null);
  onTestFinished(() => client.close());
  const began = performance.now();
  let finished = false;
  async function* lines(): AsyncGenerator<string> {
    while (performance.now() - began < 20_000) yield '\n';
    finished = true;
  }
  const headers = { 'content-type': 'application/x-ndjson' };
  const sent = client.request('POST', path, { body: lines(), headers, ...(timeout === undefined ? {} : { timeout }) });
  expect(await failure(sent)).toMatchObject(outcome);
  expect(finished).toBe(false);
});
