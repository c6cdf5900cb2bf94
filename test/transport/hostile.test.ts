import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../../src/base/clock.ts';
import type { MillraceError } from '../../src/base/errors.ts';
import { FramePacker } from '../../src/protocol/codec.ts';
import { limitsWith } from '../../src/protocol/limits.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { dial } from '../../src/transport/dial.ts';
import { listen, type NetListener } from '../../src/transport/listen.ts';
import { Peer } from '../../src/transport/peer.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { attacks } from './attacks.ts';
import { auth } from './endpoints.ts';
import { clientInfo, serverInfo } from './peers.ts';
import { RawPeer } from './raw-peer.ts';

expectNoLeaks();

const MiB = 1024 * 1024;
const limits = limitsWith({ handshakeTimeout: 400, closeTimeout: 200, queued: 8 * MiB, highWater: MiB });

/** Asks the listener again and again, whatever else happens to it. */
class Witness {
  answers = 0;
  slowest = 0;
  fault: unknown = null;
  #stopped = false;
  readonly #peer: Peer;
  readonly #asking: Promise<void>;

  constructor(peer: Peer) {
    this.#peer = peer;
    this.#asking = this.#ask();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#asking;
    this.#peer.close();
  }

  async #ask(): Promise<void> {
    while (!this.#stopped) {
      const asked = performance.now();
      try {
        await this.#peer.request('add', [this.answers, 1], { timeout: 5_000 });
      } catch (error) {
        this.fault = error;
        return;
      }
      this.answers++;
      this.slowest = Math.max(this.slowest, performance.now() - asked);
      if (this.answers % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe.each([
  ['TCP', false, false],
  ['TLS', true, false],
  ['a unix socket', false, true],
] as const)('a listener on %s', (_, secure, local) => {
  let listener: NetListener;
  let witness: Witness;
  let keyFolder: string;
  let place: number | string;
  const refused: MillraceError[] = [];
  const ended: (MillraceError | null)[] = [];
  const peers: RawPeer[] = [];
  // Both ends of all handshakes run in this one thread; a unix socket refuses at once whom its queue (511) does not hold.
  const crowd = secure || local ? 400 : 1_000;

  beforeAll(async () => {
    keyFolder = mkdtempSync(join(tmpdir(), 'millrace-hostile-'));
    listener = await listen({
      address: local ? { path: join(keyFolder, 'socket') } : ['127.0.0.1', 0],
      auth,
      tls: secure,
      keyFolder,
      limits,
      self: serverInfo,
      onConnection: (connection) =>
        void new Peer(connection, {
          clock,
          requests: (method, params) => (method === 'large' ? 'x'.repeat(MiB) : (params as number[]).reduce((sum, each) => sum + each)),
          closed: (error) => ended.push(error),
        }),
      onRefused: (error) => refused.push(error),
    });
    place = 'path' in listener.address ? listener.address.path : listener.address.port;
    const connection = await admitted();
    witness = new Witness(new Peer(connection, { clock }));
  });

  afterAll(async () => {
    await witness.stop();
    await listener.close();
    rmSync(keyFolder, { recursive: true });
  });

  beforeEach(() => {
    refused.length = 0;
    ended.length = 0;
  });

  afterEach(async () => {
    const { answers } = witness;
    for (const { socket } of peers.splice(0)) socket.destroy();
    await until(() => witness.answers > answers + 50 || witness.fault !== null, 'the witness to be served');
    expect(witness.fault).toBeNull();
  });

  /** One that has the key. On a busy machine it may be too slow for this listener as well, and tries again. */
  async function admitted(): Promise<Connection> {
    for (let tries = 1; ; tries++) {
      try {
        return await dial(listener.address, { auth, tls: secure, keyFolder, self: clientInfo });
      } catch (error) {
        if (tries === 20) throw error;
      }
    }
  }

  async function attacker(): Promise<RawPeer> {
    const peer = await RawPeer.connect(place, secure);
    peers.push(peer);
    return peer;
  }

  test.each(attacks.map((attack) => [attack.stage === 'before' ? 'a stranger' : 'an authenticated peer', attack.what, attack] as const))(
    '%s sends %s: only its own connection ends',
    async (_, __, attack) => {
      const before = process.memoryUsage().rss;
      const peer = await attacker();
      if (attack.stage === 'after') await peer.shakeHands();
      else peer.read();
      await attack.run(peer);
      peer.read();
      await until(() => (attack.stage === 'after' ? ended.length === 1 : refused.length === 1), 'the connection to be ended');
      await until(() => peer.closed, 'the socket to be closed');
      const fault = attack.stage === 'after' ? ended[0] : refused[0];
      expect(fault?.code).toMatch(/^ERR_(PROTOCOL|FRAME_TOO_LARGE|AUTH|VERSION|TIMEOUT|TLS|CONNECTION_CLOSED)$/);
      if (attack.code !== undefined) expect(fault?.code).toBe(attack.code);
      expect(process.memoryUsage().rss - before).toBeLessThan(100 * MiB);
    },
  );

  test('the connection is named by the listener, whatever its peer would like to be called', async () => {
    const [challenge] = (await (await attacker()).shakeHands(1, 'my-own-name')) as [[string, { id: string }]];
    expect(challenge[0]).toBe('challenge');
    expect(challenge[1].id).not.toBe('my-own-name');
  });

  test('a peer that asks for much and reads nothing is disconnected when its limit is reached', async () => {
    const peer = await attacker();
    await peer.shakeHands();
    const before = process.memoryUsage().rss;
    const packer = new FramePacker(limits);
    for (let id = 1; id <= 60; id++) packer.add(['?', id, 'large', null]);
    for (const { bytes } of packer.take()) peer.send(bytes);
    await until(() => ended.length === 1);
    expect(ended[0]).toMatchObject({ code: 'ERR_SLOW_PEER' });
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * MiB);
  });

  test(`${crowd} connections that say nothing are all gone after the handshake time-out, and others still get in`, async () => {
    await Promise.all(Array.from({ length: crowd }, () => attacker()));
    (await admitted()).destroy();
    for (const peer of peers) peer.read();
    await until(() => peers.every(({ closed }) => closed), 'all to be closed', 10_000);
    expect(refused.length).toBeGreaterThanOrEqual(crowd);
  }, 20_000);

  test('through all of this the witness was answered, at no time late', () => {
    expect(witness.answers).toBeGreaterThan(1_000);
    expect(witness.slowest).toBeLessThan(2_000);
  });
});
