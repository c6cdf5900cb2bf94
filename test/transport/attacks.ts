/** What a hostile network sends, as a table: each costs the sender its connection and nobody else anything. */
import { frameOf } from '../../src/protocol/frame.ts';
import { hostileBodies } from '../protocol/hostile-bodies.ts';
import type { RawPeer } from './raw-peer.ts';

export interface Attack {
  readonly what: string;
  /** Before the handshake, or by a peer that has proved itself. */
  readonly stage: 'before' | 'after';
  run(peer: RawPeer): void | Promise<void>;
  /** The code that the listener must report; absent: any of those that blame the peer. */
  readonly code?: string;
}

const before = (what: string, run: Attack['run'], code?: string): Attack => ({
  what,
  stage: 'before',
  run,
  ...(code === undefined ? {} : { code }),
});
const after = (what: string, run: Attack['run']): Attack => ({ what, stage: 'after', run });

const ipc = Buffer.from('IPC');
const text = (value: string): Buffer => Buffer.from(value, 'latin1');
const json = (value: unknown): Buffer => frameOf(Buffer.from(JSON.stringify(value)));
const hello = (extras: unknown): Buffer => json({ t: 0, d: { extras } });
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 167 + (i >> 3) * 31) & 255));
const nonce = 'ab'.repeat(32);
const pad = (length: number): string => 'x'.repeat(length);
const large = frameOf(Buffer.alloc(1 << 20, 0x01));

export const attacks: readonly Attack[] = [
  before('random bytes', (peer) => void peer.send(noise(10_000))),
  before('a megabyte of zeros', (peer) => void peer.send(Buffer.alloc(1 << 20))),
  before('the three bytes GET', (peer) => void peer.send(text('GET'))),
  before('a request of a browser', (peer) => void peer.send(text('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))),
  before(
    'an upgrade as net-ipc knows it',
    (peer) => void peer.send(text('GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: net-ipc\r\n\r\n')),
  ),
  before('the start of TLS inside the channel', (peer) => void peer.send(bytes('1603010200010001fc0303'))),
  before('the preamble of another protocol', (peer) => void peer.send(text('SSH-2.0-x\r\n'))),
  before('a length of 2 GiB', (peer) => void peer.send(ipc).send(bytes('0800000080')), 'ERR_FRAME_TOO_LARGE'),
  before('a length of 2^60', (peer) => void peer.send(ipc).send(bytes('100000000000000080')), 'ERR_FRAME_TOO_LARGE'),
  before('a length without end', (peer) => void peer.send(ipc).send(Buffer.alloc(100_000, 0x01))),
  before('a length of zeros without end', (peer) => void peer.send(ipc).send(Buffer.alloc(100_000))),
  before('a frame of 64 KiB and a byte', (peer) => void peer.send(ipc).send(frameOf(Buffer.alloc(65_537, 0x20)))),
  before('the length of 64 KiB and a byte, and nothing of it', (peer) => void peer.send(ipc).send(bytes('040081')), 'ERR_FRAME_TOO_LARGE'),
  before('an empty frame', (peer) => void peer.send(ipc).send(bytes('80'))),
  before('half a frame, then nothing', (peer) => void peer.send(ipc).send(hello(['hello', {}]).subarray(0, 9))),
  before('the preamble, then nothing', (peer) => void peer.send(ipc)),
  before('one byte of the preamble, then nothing', (peer) => void peer.send(text('I'))),
  before('nothing at all', () => {}),
  before('a hello that comes a byte at a time', async (peer) => {
    const slow = Buffer.concat([ipc, hello(['hello', { versions: [1, 1], role: 'client', nonce, pad: pad(5_000) }])]);
    for (let at = 0; at < slow.length && !peer.closed; at++) {
      peer.send(slow.subarray(at, at + 1));
      await new Promise((resolve) => setImmediate(resolve));
      if (at % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }),
  before('a frame that is not JSON', (peer) => void peer.send(ipc).send(frameOf(noise(500)))),
  before('JSON nested 30,000 deep', (peer) => void peer.send(ipc).send(frameOf(text('['.repeat(30_000) + ']'.repeat(30_000))))),
  before(
    'JSON with a prototype in it',
    (peer) => void peer.send(ipc).send(frameOf(text('{"t":0,"d":{"__proto__":{"extras":1},"constructor":1}}'))),
  ),
  before('msgpack instead of JSON', (peer) => void peer.send(ipc).send(frameOf(bytes('82a17401a16490')))),
  before('a message before the hello', (peer) => void peer.send(ipc).send(json({ t: 1, d: [['want', 1, 4096, 4096]] }))),
  before('a request of net-ipc before the hello', (peer) => void peer.send(ipc).send(json({ t: 2, d: null, n: 'x' }))),
  before('an answer to a request of the prototype', (peer) => void peer.send(ipc).send(json({ t: 3, d: 1, n: 'constructor' }))),
  before('a hello of another version', (peer) => void peer.send(ipc).send(hello(['hello', { versions: [99, 99], role: 'client', nonce }]))),
  before('a hello as a server', (peer) => void peer.send(ipc).send(hello(['hello', { versions: [1, 1], role: 'server', nonce }]))),
  before('a proof made up', async (peer) => {
    await peer.shakeHands(1);
    peer.send(json({ t: 1, d: ['proof', { info: '{}', mac: nonce }] }));
  }),
  before('two hellos', async (peer) => {
    await peer.shakeHands(1);
    peer.send(hello(['hello', { versions: [1, 1], role: 'client', nonce }]));
  }),
  before('a reset right after connecting', (peer) => void peer.reset()),
  before('a reset after the preamble', (peer) => void peer.send(ipc).reset()),
  before('a reset in the middle of the handshake', async (peer) => {
    await peer.shakeHands(1);
    peer.reset();
  }),
  before('a hello and a reset at once', async (peer) => {
    await peer.shakeHands(0);
    peer.reset();
  }),
  after('a length of 2 GiB', (peer) => void peer.send(bytes('0800000080'))),
  after('a length without end', (peer) => void peer.send(Buffer.alloc(100_000, 0x01))),
  after('a frame over the limit', (peer) => void peer.send(bytes('08000081'))),
  after('garbage', (peer) => void peer.send(noise(50_000))),
  after('half of a frame of a megabyte, then a reset', async (peer) => {
    peer.send(large.subarray(0, 500_000));
    await new Promise((resolve) => setImmediate(resolve));
    peer.reset();
  }),
  after('a reset', (peer) => void peer.reset()),
  after('the end of the stream without an end', (peer) => void peer.socket.end()),
  ...hostileBodies
    .filter(([, hex]) => hex !== '')
    .map(([what, hex]) => after(`a frame with ${what}`, (peer) => void peer.send(frameOf(bytes(hex))))),
];
