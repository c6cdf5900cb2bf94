/** A whole server among strangers on its port: another client is served throughout, and memory stays bounded. */
import { connect } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FrameParser, frameOf } from '../../src/protocol/frame.ts';
import { DiallingHandshake } from '../../src/protocol/handshake.ts';
import { decodeHandshake, encodeHandshake } from '../../src/protocol/handshake-body.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { attacks } from '../transport/attacks.ts';
import { auth } from '../transport/endpoints.ts';
import { RawPeer } from '../transport/raw-peer.ts';
import { startPair } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

const MiB = 2 ** 20;

it('every attack on the port, and 1,000 idle connections, leave the server serving its client', async () => {
  const { server } = await startPair({ auth }, { auth, numTasks: 2 });
  const { port } = server.address as { port: number };
  expect(attacks.length).toBeGreaterThanOrEqual(20);
  await server.run('true');
  const before = process.memoryUsage().rss;
  let over = false;
  let served = 0;
  let slowest = 0;
  const serving = (async () => {
    while (!over) {
      const begun = performance.now();
      const { stdout } = await server.run(`echo ${served}`);
      expect(Number(stdout)).toBe(served++);
      slowest = Math.max(slowest, performance.now() - begun);
    }
  })();
  const peers: RawPeer[] = [];
  onTestFinished(() => peers.forEach((peer) => void peer.reset()));
  for (const { stage, run } of attacks) {
    const peer = await RawPeer.connect(port, false);
    peers.push(peer);
    if (stage === 'after') await peer.shakeHands();
    await run(peer);
  }
  while (peers.length < 1_000 + attacks.length)
    peers.push(...(await Promise.all(Array.from({ length: 50 }, () => RawPeer.connect(port, false)))));
  const sofar = served;
  await until(() => served > sofar + 20, 'further tasks beside 1,000 idle connections', 15_000);
  over = true;
  await serving;
  expect(slowest).toBeLessThan(5_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(400 * MiB);
  for (const peer of peers) peer.reset();
  expect((await server.run('echo still')).stdout.toString()).toBe('still\n');
  expect(await server.progress()).toMatchObject({ failed: 0, pending: 0, retried: 0 });
});

it('a client of another protocol version is told both versions', async () => {
  const { server } = await startPair({ auth }, { auth });
  const { port } = server.address as { port: number };
  const handshake = new DiallingHandshake({
    self: { role: 'client', id: 'from-the-future', host: 'x', pid: 1 },
    nonce: 'c'.repeat(64),
    key: () => auth,
    channel: () => Buffer.alloc(0),
    versions: { min: 7, max: 9 },
  });
  const socket = connect({ host: '127.0.0.1', port });
  const parser = new FrameParser(() => 65_536);
  const answers: unknown[] = [];
  let closed = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  socket.on('data', (chunk) => {
    parser.push(chunk);
    for (let body = parser.next(); body !== null; body = parser.next()) answers.push(decodeHandshake(body));
  });
  socket.write(Buffer.concat([Buffer.from('IPC'), frameOf(encodeHandshake(0, handshake.hello()))]));
  await until(() => closed);
  const errors = answers.map((answer) => handshake.receive(answer).error).filter((error) => error !== null);
  expect(errors[0]).toMatchObject({ code: 'ERR_VERSION', message: expect.stringMatching(/7.*9/) });
  expect((await server.run('true')).outcome).toBe('succeeded');
});
